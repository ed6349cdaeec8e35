# A random walk over what changes answers: training, refreshing, deploying, rolling back, savepoints,
# models made anew, views renamed, ratings written, catalogues given, changed and taken away,
# caches of any size, several sessions.
# After each step some answers must be those of plain SQL over the factor tables, to the
# bit. PROPERTY_SEED=n takes another walk, PROPERTY_STEPS=n sets its length.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use RecsysTest;
use Test::More;

my $seed = $ENV{PROPERTY_SEED} || 442757;
my $steps = $ENV{PROPERTY_STEPS} || 1500;
srand($seed);
diag("seed $seed, $steps steps");

my $node = recsys_node('property', preload => 1, conf => "autovacuum = off\nfsync = off\n");

# A rating that is no real makes an expression of a column of the view, so that predict keeps nothing.
my %models = (
	bias => { user => 'bigint', item => 'bigint', rating => 'real', feedback => 'explicit', options => '{"factors": 5, "iterations": 2}' },
	both => { user => 'bigint', item => 'bigint', rating => 'real', feedback => 'explicit', algorithm => 'auto', options => '{"factors": 6, "iterations": 2, "weights": {"als": 1}}' },
	sum => { user => 'bigint', item => 'bigint', rating => 'real', feedback => 'implicit', algorithm => 'auto',
		options => '{"factors": 6, "iterations": 2, "regularization": 0.01, "weights": {"als": 0.5, "item": 0.3, "popularity": 0.2}}' },
	flat => { user => 'text', item => 'uuid', rating => 'float8', feedback => 'explicit', options => '{"factors": 18, "iterations": 1, "biases": false}' },
	likes => { user => 'uuid', item => 'text', rating => 'real', feedback => 'implicit', options => '{"factors": 7, "iterations": 2}' },
	many => { user => 'bigint', item => 'text', rating => 'real', feedback => 'implicit', options => '{"factors": 33, "iterations": 1, "keep_versions": 2}' });
my @names = sort keys %models;

sub id
{
	my ($type, $number) = @_;
	return $type eq 'bigint' ? $number : $type eq 'text' ? "'x$number'::text" : "md5($number\::text)::uuid";
}

sub pick { return $_[ int(rand(@_)) ]; }

# ---- plain SQL ----------------------------------------------------------------------

# all_scores(): the score of each item for a user by plain SQL, or no rows when popular
# items stand for them. With biases only a stored user's own bias can be read.
# check(): what differs between it and the answers; NULL when nothing does.
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION part(v recsys.recvec, k int) RETURNS recsys.recvec IMMUTABLE LANGUAGE sql
AS 'SELECT (v::real[])[1:k]::recsys.recvec';

CREATE FUNCTION oracle(m text, u text, fresh bool, number int) RETURNS TABLE (item text, score real) STABLE LANGUAGE plpgsql AS
$$
DECLARE
	trained record; x recsys.recvec; bias real := 0; factors int; ut text; biased bool;
BEGIN
	SELECT v.* INTO trained FROM recsys.model_versions v WHERE v.model = m AND v.version = number;
	factors := (trained.options->>'factors')::int;
	SELECT format_type(atttypid, NULL) INTO ut FROM pg_attribute WHERE attrelid = ('recsys_data.' || m)::regclass AND attname = 'user_id';
	biased := coalesce((trained.options->>'biases')::bool, trained.feedback = 'explicit');
	IF fresh THEN
		EXECUTE format('SELECT recsys.user_vector($1, $2::%s, version => $3)', ut) INTO x USING m, u, number;
		/* the bias of a folded user is that which training stored while their rows are the same */
		EXECUTE format('SELECT s.bias FROM recsys_data.%I s WHERE s.version = $1 AND s.user_id = $2::%s AND s.factors OPERATOR(recsys.=) $3',
					   m || '_user_factors', ut) INTO bias USING number, u, x;
		bias := coalesce(bias, CASE WHEN biased THEN NULL ELSE 0 END);
	ELSE
		EXECUTE format('SELECT s.factors, s.bias FROM recsys_data.%I s WHERE s.version = $1 AND s.user_id = $2::%s', m || '_user_factors', ut)
			INTO x, bias USING number, u;
	END IF;
	IF x IS NULL THEN
		RETURN;
	END IF;
	RETURN QUERY EXECUTE format('SELECT i.item_id::text, (($3 + $4::float8) + (recsys.inner_product(part($1, $2), part(i.factors, $2)) + %s))::real
		FROM recsys_data.%I i WHERE i.version = $5', CASE WHEN biased THEN '(i.factors::real[])[$2 + 1]::float8' ELSE '0' END, m || '_item_factors')
		USING x, factors, trained.mean, bias, number;
END
$$;

/*
 * The same of what ranks, where it is not the score: for a stored user of one part by plain
 * SQL, else as preference() has it item by item.
 */
CREATE FUNCTION preferences(m text, u text, fresh bool, number int) RETURNS TABLE (item text, score real) STABLE LANGUAGE plpgsql AS
$$
DECLARE
	x recsys.recvec; ut text;
BEGIN
	SELECT format_type(atttypid, NULL) INTO ut FROM pg_attribute WHERE attrelid = ('recsys_data.' || m)::regclass AND attname = 'user_id';
	IF fresh OR m = 'sum' THEN
		EXECUTE format('SELECT recsys.user_vector($1, $2::%s, $4, $3)', ut) INTO x USING m, u, number, fresh;
		IF x IS NULL THEN RETURN; END IF;
		RETURN QUERY EXECUTE format('SELECT i.item_id::text, recsys.preference($1, $2::%s, i.item_id, $4, $3) FROM recsys_data.%I i WHERE i.version = $3', ut, m || '_item_factors')
			USING m, u, number, fresh;
	ELSE
		EXECUTE format('SELECT s.preference FROM recsys_data.%I s WHERE s.version = $1 AND s.user_id = $2::%s', m || '_user_factors', ut) INTO x USING number, u;
		IF x IS NULL THEN RETURN; END IF;
		RETURN QUERY EXECUTE format('SELECT i.item_id::text, recsys.inner_product($1, i.preference)::real FROM recsys_data.%I i WHERE i.version = $2', m || '_item_factors') USING x, number;
	END IF;
END
$$;

CREATE FUNCTION check_list(m text, u text, fresh bool, k int, seen bool, candidates text, exclude text, number int, asked int) RETURNS text STABLE LANGUAGE plpgsql AS
$$
DECLARE
	ut text; it text; got text; want text; f text; listed text := 'true'; scores text;
BEGIN
	SELECT max(format_type(atttypid, NULL)) FILTER (WHERE attname = 'user_id'), max(format_type(atttypid, NULL)) FILTER (WHERE attname = 'item_id')
		INTO ut, it FROM pg_attribute WHERE attrelid = ('recsys_data.' || m)::regclass;
	/* the view was made anew, which this snapshot does not show */
	IF ut IS NULL THEN RETURN NULL; END IF;
	f := CASE it WHEN 'bigint' THEN '' ELSE '_' || it END;
	EXECUTE format('SELECT string_agg(r.rank || '':'' || r.item_id || '':'' || r.preference, '' '' ORDER BY r.rank) FROM recsys.recommend%s($1, $2::%s, $3, $4, $5::%s[], $6::%s[], $7, $8) r', f, ut, it, it)
		INTO got USING m, u, k, seen, candidates, exclude, fresh, asked;
	IF (SELECT catalog FROM recsys.models WHERE model = m) THEN
		listed := format('EXISTS (SELECT FROM recsys_data.%I c WHERE c.item_id = i.item_id)', m || '_catalog');
	END IF;
	SELECT CASE WHEN preference IS NULL AND model <> 'sum' THEN 'oracle' ELSE 'preferences' END INTO scores FROM recsys.model_versions WHERE model = m AND version = number;
	EXECUTE format($q$
		WITH o AS MATERIALIZED (SELECT * FROM %s($1, $2, $7, $8)), eligible AS (
			SELECT i.item_id, i.users FROM recsys_data.%I i WHERE i.version = $8
			AND ($5 IS NULL OR i.item_id = ANY ($5::%s[])) AND ($6 IS NULL OR NOT i.item_id = ANY ($6::%s[]))
			AND (NOT $4 OR NOT EXISTS (SELECT FROM recsys_data.%I r WHERE r.user_id = $2::%s AND r.item_id = i.item_id)) AND %s),
		scored AS (
			SELECT e.item_id, CASE WHEN NOT EXISTS (SELECT FROM o) THEN e.users ELSE coalesce(o.score, recsys.predict%s($1, $2::%s, e.item_id, $7, $9)) END AS score
			FROM eligible e LEFT JOIN o ON o.item = e.item_id::text),
		ranked AS (SELECT row_number() OVER (ORDER BY score DESC, item_id %s) AS rank, * FROM scored)
		SELECT string_agg(rank || ':' || item_id || ':' || score, ' ' ORDER BY rank) FROM ranked WHERE rank <= $3$q$,
		scores, m || '_item_factors', it, it, m, ut, listed, f, ut, CASE it WHEN 'text' THEN 'COLLATE "C"' ELSE '' END)
		INTO want USING m, u, k, seen, candidates, exclude, fresh, number, asked;
	IF got IS DISTINCT FROM want THEN
		RETURN format('recommend(%s, %s, k %s, seen %s, candidates %s, exclude %s, fresh %s, version %s): %s, not %s', m, u, k, seen, candidates, exclude, fresh, number, got, want);
	END IF;
	RETURN NULL;
END
$$;

/* predict of two users row by row, in turn, against the oracle */
CREATE FUNCTION check_rows(m text, u text[], fresh bool, active int, asked int) RETURNS text STABLE LANGUAGE plpgsql AS
$$
DECLARE
	ut text; it text; f text; differs text;
BEGIN
	SELECT max(format_type(atttypid, NULL)) FILTER (WHERE attname = 'user_id'), max(format_type(atttypid, NULL)) FILTER (WHERE attname = 'item_id')
		INTO ut, it FROM pg_attribute WHERE attrelid = ('recsys_data.' || m)::regclass;
	/* the view was made anew, which this snapshot does not show */
	IF ut IS NULL THEN RETURN NULL; END IF;
	f := CASE it WHEN 'bigint' THEN '' ELSE '_' || it END;
	EXECUTE format($q$
		WITH want AS MATERIALIZED (SELECT u, o.* FROM unnest($2) u, oracle($1, u, $3, $4) o),
		pairs AS MATERIALIZED (SELECT u.u, i.item_id, u.n FROM unnest($2) WITH ORDINALITY u(u, n), recsys_data.%I i WHERE i.version = $4 AND hashtext(i.item_id::text || $2[1]) %% 3 = 0
			ORDER BY hashtext(i.item_id::text) %% 5, u.n),
		got AS MATERIALIZED (SELECT u, item_id, recsys.predict%s($1, u::%s, item_id, $3, $5) AS score FROM pairs)
		SELECT format('predict(%%s, %%s, %%s): %%s, not %%s', $1, g.u, g.item_id, g.score, w.score) FROM got g LEFT JOIN want w ON w.u = g.u AND w.item = g.item_id::text
		WHERE (w.item IS NULL) <> (g.score IS NULL) OR w.score IS NOT NULL AND w.score <> g.score LIMIT 1$q$, m || '_item_factors', f, ut)
		INTO differs USING m, u, fresh, active, asked;
	RETURN differs;
END
$$;

/* recommend_all is recommend for every user there is */
CREATE FUNCTION check_all(m text, k int, seen bool, asked int) RETURNS text STABLE LANGUAGE plpgsql AS
$$
DECLARE
	differs text;
BEGIN
	/* the view was made anew, which this snapshot does not show */
	IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = ('recsys_data.' || m)::regclass) THEN RETURN NULL; END IF;
	EXECUTE format($q$
		WITH got AS MATERIALIZED (SELECT * FROM recsys.recommend_all_text($1, $2, $3, $4)),
		want AS MATERIALIZED (SELECT u.id AS user_id, r.rank, r.item_id, r.preference, r.score, r.source
			FROM (SELECT DISTINCT user_id::text AS id FROM recsys_data.%I WHERE user_id IS NOT NULL) u, recsys.recommend_text($1, u.id, $2, $3, version => $4) r)
		SELECT format('recommend_all(%%s): %%s, not %%s', $1, g, w) FROM got g FULL JOIN want w USING (user_id, rank)
		WHERE g.item_id IS DISTINCT FROM w.item_id OR g.preference IS DISTINCT FROM w.preference OR g.score IS DISTINCT FROM w.score
			OR g.source IS DISTINCT FROM w.source LIMIT 1$q$, m)
		INTO differs USING m, k, seen, asked;
	RETURN differs;
END
$$;

/* While nothing was written since training, a folded user is the stored one. */
CREATE FUNCTION check_folded(m text, active int) RETURNS text STABLE LANGUAGE plpgsql AS
$$
DECLARE
	differs text;
BEGIN
	EXECUTE format('SELECT format(''user %%s of %%s is %%s, stored %%s'', user_id, $1, v, factors) FROM (
		SELECT user_id, factors, recsys.user_vector($1, user_id, version => $2) AS v FROM recsys_data.%I WHERE version = $2 LIMIT 40) s
		WHERE (v OPERATOR(recsys.=) factors) IS NOT TRUE LIMIT 1', m || '_user_factors') INTO differs USING m, active;
	RETURN differs;
END
$$;

/*
 * One expression under many snapshots: whatever it keeps must be as good as new. A row
 * is written between two calls, in a subtransaction or not, which may be rolled back.
 */
CREATE FUNCTION check_walk(m text, n int) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	ut text; it text; f text; p real; q real; u text; i text; users text[]; items text[]; code text;
BEGIN
	SELECT max(format_type(atttypid, NULL)) FILTER (WHERE attname = 'user_id'), max(format_type(atttypid, NULL)) FILTER (WHERE attname = 'item_id')
		INTO ut, it FROM pg_attribute WHERE attrelid = ('recsys_data.' || m)::regclass;
	/* the view was made anew, which this snapshot does not show */
	IF ut IS NULL THEN RETURN NULL; END IF;
	f := CASE it WHEN 'bigint' THEN '' ELSE '_' || it END;
	EXECUTE format('SELECT array_agg(DISTINCT user_id::text), array_agg(DISTINCT item_id::text) FROM %I', m || '_source') INTO users, items;
	IF users IS NULL THEN RETURN NULL; END IF;
	u := users[1 + floor(random() * cardinality(users))];
	FOR step IN 1 .. n LOOP
		IF random() < 0.3 THEN u := users[1 + floor(random() * cardinality(users))]; END IF;
		BEGIN
			FOR turn IN 1 .. 4 LOOP
				i := items[1 + floor(random() * cardinality(items))];
				IF random() < 0.3 THEN
					EXECUTE format('INSERT INTO %I VALUES ($1::%s, $2::%s, $3)', m || '_source', ut, it) USING u, i, 1 + floor(random() * 5);
				ELSIF random() < 0.2 THEN
					EXECUTE format('DELETE FROM %I WHERE user_id = $1::%s AND item_id = $2::%s', m || '_source', ut, it) USING u, i;
				END IF;
				/* one expression each, so that each keeps what it may */
				CASE m
					WHEN 'bias' THEN p := recsys.predict('bias', u::bigint, i::bigint);
					WHEN 'both' THEN p := recsys.predict('both', u::bigint, i::bigint);
					WHEN 'flat' THEN p := recsys.predict_uuid('flat', u, i::uuid);
					WHEN 'likes' THEN p := recsys.predict_text('likes', u::uuid, i);
					WHEN 'many' THEN p := recsys.predict_text('many', u::bigint, i);
				END CASE;
				EXECUTE format('SELECT recsys.predict%s($1, $2::%s, $3::%s)', f, ut, it) INTO q USING m, u, i;
				IF p IS DISTINCT FROM q THEN RETURN format('turn %s of step %s of a walk over %s: %s, not %s', turn, step, m, p, q); END IF;
			END LOOP;
			IF random() < 0.3 THEN RAISE EXCEPTION USING ERRCODE = 'ZZ001'; END IF;
		EXCEPTION WHEN SQLSTATE 'ZZ001' THEN NULL;
		END;
	END LOOP;
	RETURN NULL;
END
$$;
SQL

# ---- models ---------------------------------------------------------------------------

sub create_model
{
	my ($m) = @_;
	my $model = $models{$m};
	my $catalog = pick('', '', ", catalog => '${m}_goods'", ", catalog => '${m}_shown'");
	return "SELECT recsys.create_model('$m', '${m}_source', rating_column => 'rating', feedback => '$model->{feedback}', options => '$model->{options}'$catalog, algorithm => '" . ($model->{algorithm} // 'als') . "')";
}

sub user_id { return id($models{ $_[0] }{user}, $_[1]); }
sub item_id { return id($models{ $_[0] }{item}, $_[1]); }

foreach my $m (@names)
{
	my $model = $models{$m};
	my ($u, $i) = (id($model->{user}, 'u'), id($model->{item}, 'i'));

	# "'xu'" is the text of an id of column u
	s/'x(\w)'::text/'x' || $1/ foreach ($u, $i);
	# of the goods a session is shown those up to its level; there are NULLs and repetitions
	$node->safe_psql('postgres', "CREATE TABLE ${m}_goods (item_id $model->{item}, level int);
		INSERT INTO ${m}_goods SELECT $i, i % 4 FROM generate_series(1, 215) i WHERE i % 9 > 0 UNION ALL SELECT NULL, 0;
		CREATE INDEX ON ${m}_goods (item_id); ANALYZE ${m}_goods;
		CREATE VIEW ${m}_shown AS SELECT item_id FROM ${m}_goods WHERE level <= current_setting('walk.level', true)::int");
	# items from 141 on are rated as those 70 below: they score alike
	$node->safe_psql('postgres', "CREATE TABLE ${m}_source (user_id $model->{user}, item_id $model->{item}, rating $model->{rating});
		INSERT INTO ${m}_source SELECT $u, $i, 1 + (h & 3) FROM (SELECT u, i, abs(hashint4(u * 1000 + i - CASE WHEN i > 140 THEN 70 ELSE 0 END + $seed)) AS h
			FROM generate_series(1, 40) u, generate_series(1, 210) i) s WHERE h % 9 = 0;
		CREATE INDEX ON ${m}_source (user_id);" . create_model($m) . "; SELECT FROM recsys.train('$m')");
}

# ---- steps ------------------------------------------------------------------------------

my @sessions = map { { psql => $node->background_psql('postgres', on_error_stop => 0), name => $_ } } qw(a b c);
my %codes;

# Run statements one by one; returns the output and the last SQLSTATE that is not 00000.
sub run
{
	my ($session, @statements) = @_;
	my $code = '00000';
	my $all = '';

	foreach my $statement (@statements)
	{
		my $out = $session->{psql}->query("$statement;\n\\echo state=:SQLSTATE");
		$session->{psql}{stderr} = '';
		$out =~ s/^state=(\w+)\s*\z//m or die "no state in: $out";
		$code = $1 if $1 ne '00000';
		$all .= $out;
	}
	return ($all, $code);
}

$_->{psql}->query("SET lock_timeout = '20ms'; SET client_min_messages = error; SET walk.level = " . int(rand(4)) . "; SELECT setseed(0." . int(rand(1000)) . ")") foreach @sessions;

# An action that may fail, as others hold locks; its transaction is then rolled back.
sub act
{
	my ($session, $what, @statements) = @_;
	my ($out, $code) = run($session, @statements);

	push @{ $session->{log} }, "$what -> $code";
	shift @{ $session->{log} } if @{ $session->{log} } > 40;
	if ($code ne '00000')
	{
		$codes{"$what $code"}++;
		if ($session->{open})
		{
			run($session, $session->{savepoint} ? 'ROLLBACK TO s' : 'ROLLBACK');
			delete $session->{open} if !$session->{savepoint};
		}
	}
	fail("$what: $code") if $code =~ /^(XX|58|57P|08|22|42)/;
	return ($out, $code);
}

sub write_sql
{
	my ($m) = @_;
	my ($u, $i) = (user_id($m, 1 + int(rand(45))), item_id($m, 1 + int(rand(215))));
	return pick(
		"INSERT INTO ${m}_source VALUES ($u, $i, " . (1 + int(rand(5))) . ")",
		"UPDATE ${m}_source SET rating = " . (1 + int(rand(5))) . " WHERE user_id = $u AND random() < 0.5",
		"DELETE FROM ${m}_source WHERE user_id = $u AND random() < 0.1",
		"UPDATE ${m}_source SET user_id = $u WHERE item_id = $i");
}

sub goods_sql
{
	my ($m) = @_;
	my $i = item_id($m, 1 + int(rand(215)));
	return pick(
		"INSERT INTO ${m}_goods VALUES ($i, " . int(rand(4)) . ")",
		"INSERT INTO ${m}_goods SELECT item_id, " . int(rand(4)) . " FROM recsys_data.${m}_item_factors WHERE random() < 0.2",
		"DELETE FROM ${m}_goods WHERE item_id = $i OR item_id IS NULL",
		"DELETE FROM ${m}_goods WHERE random() < " . pick('0.1', '0.1', '0.9'),
		"UPDATE ${m}_goods SET level = " . int(rand(4)) . " WHERE random() < 0.3",
		"SET walk.level = " . int(rand(4)));
}

sub step
{
	my ($s) = @_;
	my $m = pick(@names);
	my $r = rand(100);
	my $seeded = int(rand(1000));
	my $deploy = pick('true', 'false');
	my ($train, $refresh) = ("recsys.train('$m', '{\"seed\": $seeded}', deploy => $deploy)", "recsys.refresh('$m', deploy => $deploy)");

	if ($r < 20) { act($s, 'write', write_sql($m)); }
	elsif ($r < 27) { act($s, 'goods', goods_sql($m)); }
	elsif ($r < 30) { act($s, "catalog $m", "SELECT recsys.alter_model('$m', " . pick("catalog => '${m}_goods'", "catalog => '${m}_shown'", 'drop_catalog => true') . ")"); }
	elsif ($r < 36) { act($s, "train $m", "SELECT FROM $train"); }
	elsif ($r < 40) { act($s, "refresh $m", "SELECT FROM $refresh"); }
	elsif ($r < 47) { act($s, "deploy $m", "SELECT recsys.deploy('$m', v) FROM (SELECT version FROM recsys.model_versions WHERE model = '$m' ORDER BY random() LIMIT 1) x(v)"); }
	elsif ($r < 51) { act($s, "rollback $m", "SELECT recsys.rollback('$m')"); }
	elsif ($r < 56)
	{
		my ($out) = act($s, "walk $m", "SELECT check_walk('$m', 10)");
		fail("a loop: $out") if $out =~ /\S/;
	}
	elsif ($r < 58)
	{
		# in one statement only when in no transaction
		my @drop = ("SELECT recsys.drop_model('$m')", create_model($m), "SELECT FROM recsys.train('$m')");
		act($s, "anew $m", $s->{open} ? @drop : "BEGIN; " . join('; ', @drop) . "; COMMIT");
		run($s, 'ROLLBACK') if !$s->{open};
	}
	elsif ($r < 60)
	{
		my $to = pick(grep { $_ ne $m } @names);
		my @swap = ("ALTER VIEW recsys_data.$m RENAME TO swap", "ALTER VIEW recsys_data.$to RENAME TO $m", "ALTER VIEW recsys_data.swap RENAME TO $to");
		my @back = ("ALTER VIEW recsys_data.$to RENAME TO swap", "ALTER VIEW recsys_data.$m RENAME TO $to", "ALTER VIEW recsys_data.swap RENAME TO $m");
		my $ask = "SELECT count(*) FROM recsys.recommend" . ($models{$m}{item} eq 'bigint' ? '' : "_$models{$m}{item}") . "('$m', " . user_id($m, 3) . ")";

		return if $s->{open};
		# answered or refused; after it the names are as before, by the rollback or by hand
		my ($out, $code) = act($s, "swap $m $to", "BEGIN; " . join('; ', @swap) . "; SAVEPOINT t");
		run($s, $ask, 'ROLLBACK TO t', join('; ', @back), pick('COMMIT', 'ROLLBACK'));
	}
	elsif ($r < 70) { act($s, 'begin', 'BEGIN ISOLATION LEVEL ' . pick('READ COMMITTED', 'REPEATABLE READ')) if !$s->{open}; $s->{open} = 1; }
	elsif ($r < 78) { if ($s->{open}) { act($s, 'savepoint', 'SAVEPOINT s'); $s->{savepoint} = 1; } }
	elsif ($r < 84) { act($s, 'rollback to', 'ROLLBACK TO s') if $s->{savepoint}; }
	elsif ($r < 90)
	{
		act($s, 'end', pick('COMMIT', 'ROLLBACK')) if $s->{open};
		delete $s->{open};
	}
	elsif ($r < 95) { act($s, 'local cache', "SET recsys.local_cache_size = '" . pick('0', '64kB', '300kB', '64MB') . "'"); }
	elsif ($r < 97)
	{
		$node->safe_psql('postgres', "ALTER SYSTEM SET recsys.cache_size = '" . pick('0', '100kB', '400kB', '64MB') . "'");
		$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
	}
	elsif ($r < 98.5)
	{
		# a long transaction must not hold all others up
		act($_, 'end', 'COMMIT') foreach grep { $_->{open} } @sessions;
		delete @$_{qw(open savepoint)} foreach @sessions;
	}
	else
	{
		return if $s->{open};
		my ($version, $code) = act($s, "train or refresh $m", 'SELECT version FROM ' . pick($train, $refresh));
		return if $code ne '00000';
		$version =~ s/\s//g;
		my ($out) = act($s, "folded $m", "SELECT check_folded('$m', $version)");
		fail("folded = stored: $out") if $out =~ /\S/;
	}
	delete $s->{savepoint} if !$s->{open};
}

sub text_id { my ($type, $n) = @_; return $type eq 'bigint' ? "'$n'" : $type eq 'text' ? "'x$n'" : "(md5('$n')::uuid)::text"; }

sub check
{
	my ($s) = @_;
	my $m = pick(@names);
	my $model = $models{$m};
	my ($u, $w) = map { text_id($model->{user}, 1 + int(rand(45))) } 1 .. 2;
	my $items = sub { return 'NULL' if rand() < 0.6; return '(ARRAY[' . join(',', map { text_id($model->{item}, 1 + int(rand(215))) } 1 .. pick(1, 3, 60)) . '])::text'; };
	my $fresh = pick('true', 'false');
	my ($k, $seen) = (pick(0, 1, 3, 10, 64, 65, 1000), pick('true', 'false'));
	my $asked = pick('NULL', 'NULL', 'v.version');
	my ($active, $candidates, $exclude) = ($asked eq 'NULL' ? 'v.active' : 'true', $items->(), $items->());
	my ($out, $code) = act($s, "check $m", "SELECT concat_ws(' ', " .
		  "check_list('$m', $u, $fresh, $k, $seen, $candidates, $exclude, v.version, $asked), " .
		  "check_rows('$m', ARRAY[$u, $w, $u], $fresh, v.version, $asked)) " .
		  "FROM recsys.model_versions v WHERE v.model = '$m' AND $active ORDER BY random() LIMIT 1");

	($out, $code) = act($s, "check all of $m", "SELECT check_all('$m', $k, $seen, NULL)") if $out !~ /\S/ && rand() < 0.1;
	return if $out !~ /\S/;
	fail("answers by plain SQL: $out");
	diag("session $s->{name}: ", join("\n", @{ $s->{log} }));
	die "seed $seed";
}

my $checks = 0;
foreach my $n (1 .. $steps)
{
	my $s = pick(@sessions);

	step($s);
	check($s);
	if (rand() < 0.2) { check($_) foreach @sessions; }
	$checks++;
}
diag("$_: $codes{$_}") foreach sort keys %codes;
is($checks, $steps, "answers are those of plain SQL (seed $seed)");

# ---- memory ------------------------------------------------------------------------------

act($_, 'end', 'ROLLBACK') foreach grep { $_->{open} } @sessions;
$_->{psql}->quit foreach @sessions;
$node->safe_psql('postgres', "SELECT recsys.alter_model('bias', catalog => 'bias_goods')");

# Without shared memory, which a backend touches page by page.
sub rss
{
	my ($pid) = @_;
	my ($kb) = slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+)/m;
	return $kb;
}

SKIP:
{
	skip 'no /proc', 1 if !-r '/proc/self/status';
	my $psql = $node->background_psql('postgres');
	$psql->query_safe('SET jit = off; SET enable_memoize = off');
	my $pid = backend_pid($psql);
	my $work = sub {
		my ($n) = @_;
		$psql->query_safe("DO \$\$ BEGIN FOR n IN 1 .. $n LOOP
			PERFORM FROM recsys.recommend('bias', n % 60, 5);
			PERFORM recsys.predict_text('likes', md5((n % 60)::text)::uuid, 'x' || n % 300);
			PERFORM recsys.user_vector('many', n % 60);
			END LOOP; END \$\$");
		$psql->query_safe("SELECT count(recsys.predict('bias', n % 60, n % 300)), count(r.item_id)
			FROM generate_series(1, $n) n LEFT JOIN LATERAL recsys.recommend_text('many', n % 60, 3) r ON true");
		return rss($pid);
	};
	my $before = $work->(5000);
	my $after = $work->(20000);
	diag("private memory of a backend after 25,000 and 100,000 calls more: $before kB, $after kB");
	cmp_ok($after, '<', $before + 16384, 'a backend does not grow with its calls');
	$psql->quit;
}

$node->stop;
done_testing();
