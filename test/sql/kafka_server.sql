-- Kafka servers and user mappings: what may be said, and what it becomes.
\pset null <null>
SET client_min_messages = error;
CREATE ROLE recsys_regress_reader LOGIN;
CREATE ROLE recsys_regress_dba;
RESET client_min_messages;

-- Run a statement; say what became of it.
CREATE FUNCTION pg_temp.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    m text; d text; h text;
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
    RETURN concat(SQLSTATE, ': ', m, E'\n  detail: ' || nullif(d, ''), E'\n  hint: ' || nullif(h, ''));
END $$;
-- A server with these options, dropped again.
CREATE FUNCTION pg_temp.server(options text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    said text := pg_temp.attempt('CREATE SERVER probe FOREIGN DATA WRAPPER recsys_kafka OPTIONS (' || options || ')');
BEGIN
    IF said = 'done' THEN
        DROP SERVER probe;
    END IF;
    RETURN said;
END $$;

-- options of a server
SELECT pg_temp.server($$brokers 'k1:9092,k2.example.com:9092,10.0.0.1,[2001:db8::1]:9093'$$);
SELECT pg_temp.server($$brokers 'k', security_protocol 'ssl', client_rack 'r1'$$);
SELECT pg_temp.server($$brokers 'k', security_protocol 'sasl_ssl', sasl_mechanism 'SCRAM-SHA-512', ssl_ca '-----BEGIN CERTIFICATE-----'$$);
SELECT pg_temp.server($$security_protocol 'ssl'$$);
SELECT pg_temp.server($$brokers ''$$);
SELECT o, pg_temp.server(format('brokers %L', o)) AS said
  FROM unnest(ARRAY['k:0', 'k:65536', 'k:', ':9092', 'k,', ',k', 'k; k', 'k:9092 ,k', 'SSL://k:9092', '[::1', E'k\nk', 'k:12a', 'k:123456']) AS o;
SELECT pg_temp.server($$brokers 'k', security_protocol 'tls'$$);
SELECT pg_temp.server($$brokers 'k', security_protocol 'sasl_plaintext'$$);
SELECT pg_temp.server($$brokers 'k', security_protocol 'sasl_plaintext', sasl_mechanism 'GSSAPI'$$);
SELECT pg_temp.server($$brokers 'k', ssl_ca '/etc/ssl/ca.pem'$$);
SELECT pg_temp.server($$brokers 'k', client_rack E'a\tb'$$);
-- nothing that loads code, reads files or turns checks off
SELECT o, split_part(pg_temp.server(format('brokers %L, %I %L', 'k', o, 'x')), E'\n', 1) AS said
  FROM unnest(ARRAY['plugin.library.paths', 'ssl.engine.location', 'ssl_ca_location', 'debug', 'enable_ssl_certificate_verification',
                    'sasl_password', 'bootstrap.servers', 'BROKERS', 'sasl.kerberos.kinit.cmd', 'test.mock.num.brokers']) AS o;
-- options of the wrapper itself
SELECT pg_temp.attempt($$ALTER FOREIGN DATA WRAPPER recsys_kafka OPTIONS (brokers 'k')$$);

-- user mappings
CREATE SERVER plain FOREIGN DATA WRAPPER recsys_kafka OPTIONS (brokers 'k:9092', client_rack 'r"1');
CREATE SERVER safe FOREIGN DATA WRAPPER recsys_kafka
    OPTIONS (brokers 'k:9093', security_protocol 'sasl_ssl', sasl_mechanism 'SCRAM-SHA-256');
CREATE SERVER certain FOREIGN DATA WRAPPER recsys_kafka
    OPTIONS (brokers 'k:9093', security_protocol 'ssl', ssl_ca '-----BEGIN CERTIFICATE-----');
CREATE USER MAPPING FOR recsys_regress_reader SERVER safe
    OPTIONS (sasl_username 'u', sasl_password 'can"ary\', ssl_key '-----BEGIN KEY-----');
CREATE USER MAPPING FOR PUBLIC SERVER certain
    OPTIONS (ssl_certificate '-----BEGIN CERTIFICATE-----', ssl_key '-----BEGIN KEY-----', ssl_key_password 'canary2', sasl_username 'not used');
SELECT pg_temp.attempt($$CREATE USER MAPPING FOR PUBLIC SERVER safe OPTIONS (sasl_password 'a', sasl_password_file 'b')$$);
SELECT pg_temp.attempt($$CREATE USER MAPPING FOR PUBLIC SERVER safe OPTIONS (sasl_passwort 'canary')$$);
SELECT pg_temp.attempt($$CREATE USER MAPPING FOR PUBLIC SERVER safe OPTIONS (sasl_password E'canary\n')$$);
SELECT pg_temp.attempt($$CREATE USER MAPPING FOR PUBLIC SERVER safe OPTIONS (ssl_key 'canary')$$);
SELECT o, split_part(pg_temp.attempt(format('CREATE USER MAPPING FOR PUBLIC SERVER safe OPTIONS (sasl_password_file %L)', o)), E'\n', 1) AS said
  FROM unnest(ARRAY['', '.', '..', '../pg_hba.conf', '/etc/passwd', '.hidden', 'a\b', repeat('a', 64)]) AS o;

-- what a connection is made with; USAGE of the role counts, not that of the caller
SELECT recsys.kafka_connection('plain', 'recsys_regress_reader');
GRANT USAGE ON FOREIGN SERVER plain, safe, certain TO recsys_regress_reader;
SELECT jsonb_pretty(recsys.kafka_connection('plain', 'recsys_regress_reader'));
SELECT jsonb_pretty(recsys.kafka_connection('safe', 'recsys_regress_reader'));
SELECT jsonb_pretty(recsys.kafka_connection('certain', 'recsys_regress_reader'));
SELECT pg_temp.attempt($$SELECT recsys.kafka_connection('safe', current_user::regrole)$$) ~ '^42704: user mapping not found' AS without_mapping;
SELECT pg_temp.attempt($$SELECT recsys.kafka_connection('nowhere', 'recsys_regress_reader')$$);
CREATE FOREIGN DATA WRAPPER recsys_regress_other;
CREATE SERVER other FOREIGN DATA WRAPPER recsys_regress_other;
SELECT pg_temp.attempt($$SELECT recsys.kafka_connection('other', 'recsys_regress_reader')$$);

-- password files
ALTER USER MAPPING FOR recsys_regress_reader SERVER safe OPTIONS (DROP sasl_password, ADD sasl_password_file 'kafka');
SELECT pg_temp.attempt($$SELECT recsys.kafka_connection('safe', 'recsys_regress_reader')$$);
ALTER USER MAPPING FOR recsys_regress_reader SERVER safe OPTIONS (DROP sasl_password_file);
SELECT pg_temp.attempt($$SET recsys.kafka_secret_directory = '/tmp'$$);

-- who may do what
SET ROLE recsys_regress_reader;
SELECT pg_temp.attempt($$SELECT recsys.kafka_connection('plain', 'recsys_regress_reader')$$);
SELECT pg_temp.attempt($$CREATE SERVER mine FOREIGN DATA WRAPPER recsys_kafka OPTIONS (brokers 'k')$$);
SELECT pg_temp.attempt($$CREATE USER MAPPING FOR recsys_regress_reader SERVER plain OPTIONS (sasl_password_file 'of_another')$$);
SELECT left(pg_temp.attempt($$SHOW recsys.kafka_secret_directory$$), 5) AS refused; -- the text differs by version
RESET ROLE;
GRANT USAGE ON FOREIGN DATA WRAPPER recsys_kafka TO recsys_regress_dba;
SET ROLE recsys_regress_dba;
SELECT pg_temp.attempt($$CREATE SERVER mine FOREIGN DATA WRAPPER recsys_kafka OPTIONS (brokers 'k')$$);
RESET ROLE;

-- the settings that a server without preloading has, too
SELECT name, setting, context, vartype FROM pg_settings
 WHERE name LIKE 'recsys.kafka%' AND name <> 'recsys.kafka_allow_superuser' ORDER BY name;

SET client_min_messages = error;
DROP SERVER plain, safe, certain, mine, other CASCADE;
DROP FOREIGN DATA WRAPPER recsys_regress_other;
DROP OWNED BY recsys_regress_reader, recsys_regress_dba;
DROP ROLE recsys_regress_reader, recsys_regress_dba;
