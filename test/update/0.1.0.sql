-- What version 0.1.0 left in a database: models, versions, factors and the tables below
-- them, as pg_dump wrote it.  The extension is made by the script of then.
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET client_min_messages = warning;
SET row_security = off;
CREATE EXTENSION recsys VERSION '0.1.0';
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.events (
    customer text,
    product text,
    at timestamp with time zone
);
CREATE TABLE public.ratings (
    user_id integer,
    item_id integer,
    rating real
);
CREATE VIEW recsys_data.movies WITH (security_invoker='true') AS
 SELECT s.user_id,
    s.item_id,
    s.rating,
    NULL::timestamp with time zone AS "time"
   FROM public.ratings s;
COMMENT ON VIEW recsys_data.movies IS 'what a recommendation model reads; SELECT on it is the right to use the model';
CREATE TABLE recsys_data.movies_item_factors (
    version integer NOT NULL,
    item_id integer NOT NULL,
    factors recsys.recvec,
    users integer NOT NULL
);
CREATE TABLE recsys_data.movies_user_factors (
    version integer NOT NULL,
    user_id integer NOT NULL,
    factors recsys.recvec NOT NULL,
    bias real NOT NULL
);
CREATE VIEW recsys_data.shop WITH (security_invoker='false') AS
 SELECT s.customer AS user_id,
    s.product AS item_id,
    (1)::real AS rating,
    s.at AS "time"
   FROM public.events s;
COMMENT ON VIEW recsys_data.shop IS 'what a recommendation model reads; SELECT on it is the right to use the model';
CREATE TABLE recsys_data.shop_item_factors (
    version integer NOT NULL,
    item_id text NOT NULL,
    factors recsys.recvec,
    users integer NOT NULL
);
CREATE TABLE recsys_data.shop_user_factors (
    version integer NOT NULL,
    user_id text NOT NULL,
    factors recsys.recvec NOT NULL,
    bias real NOT NULL
);
CREATE VIEW recsys_data.untrained WITH (security_invoker='true') AS
 SELECT s.user_id,
    s.item_id,
    s.rating,
    NULL::timestamp with time zone AS "time"
   FROM public.ratings s;
COMMENT ON VIEW recsys_data.untrained IS 'what a recommendation model reads; SELECT on it is the right to use the model';
CREATE TABLE recsys_data.untrained_item_factors (
    version integer NOT NULL,
    item_id integer NOT NULL,
    factors recsys.recvec,
    users integer NOT NULL
);
CREATE TABLE recsys_data.untrained_user_factors (
    version integer NOT NULL,
    user_id integer NOT NULL,
    factors recsys.recvec NOT NULL,
    bias real NOT NULL
);
COPY public.events (customer, product, at) FROM stdin;
c1	p1	2026-01-02 00:00:00+00
c3	p1	2026-01-04 00:00:00+00
c4	p1	2026-01-05 00:00:00+00
c5	p1	2026-01-06 00:00:00+00
c7	p1	2026-01-08 00:00:00+00
c8	p1	2026-01-09 00:00:00+00
c9	p1	2026-01-10 00:00:00+00
c11	p1	2026-01-12 00:00:00+00
c12	p1	2026-01-13 00:00:00+00
c1	p2	2026-01-03 00:00:00+00
c2	p2	2026-01-05 00:00:00+00
c3	p2	2026-01-07 00:00:00+00
c5	p2	2026-01-11 00:00:00+00
c6	p2	2026-01-13 00:00:00+00
c7	p2	2026-01-15 00:00:00+00
c9	p2	2026-01-19 00:00:00+00
c10	p2	2026-01-21 00:00:00+00
c11	p2	2026-01-23 00:00:00+00
c1	p3	2026-01-04 00:00:00+00
c3	p3	2026-01-10 00:00:00+00
c4	p3	2026-01-13 00:00:00+00
c5	p3	2026-01-16 00:00:00+00
c7	p3	2026-01-22 00:00:00+00
c8	p3	2026-01-25 00:00:00+00
c9	p3	2026-01-28 00:00:00+00
c11	p3	2026-02-03 00:00:00+00
c12	p3	2026-02-06 00:00:00+00
c1	p4	2026-01-05 00:00:00+00
c2	p4	2026-01-09 00:00:00+00
c3	p4	2026-01-13 00:00:00+00
c5	p4	2026-01-21 00:00:00+00
c6	p4	2026-01-25 00:00:00+00
c7	p4	2026-01-29 00:00:00+00
c9	p4	2026-02-06 00:00:00+00
c10	p4	2026-02-10 00:00:00+00
c11	p4	2026-02-14 00:00:00+00
c1	p5	2026-01-06 00:00:00+00
c3	p5	2026-01-16 00:00:00+00
c4	p5	2026-01-21 00:00:00+00
c5	p5	2026-01-26 00:00:00+00
c7	p5	2026-02-05 00:00:00+00
c8	p5	2026-02-10 00:00:00+00
c9	p5	2026-02-15 00:00:00+00
c11	p5	2026-02-25 00:00:00+00
c12	p5	2026-03-02 00:00:00+00
c1	p6	2026-01-07 00:00:00+00
c2	p6	2026-01-13 00:00:00+00
c3	p6	2026-01-19 00:00:00+00
c5	p6	2026-01-31 00:00:00+00
c6	p6	2026-02-06 00:00:00+00
c7	p6	2026-02-12 00:00:00+00
c9	p6	2026-02-24 00:00:00+00
c10	p6	2026-03-02 00:00:00+00
c11	p6	2026-03-08 00:00:00+00
c1	p7	2026-01-08 00:00:00+00
c3	p7	2026-01-22 00:00:00+00
c4	p7	2026-01-29 00:00:00+00
c5	p7	2026-02-05 00:00:00+00
c7	p7	2026-02-19 00:00:00+00
c8	p7	2026-02-26 00:00:00+00
c9	p7	2026-03-05 00:00:00+00
c11	p7	2026-03-19 00:00:00+00
c12	p7	2026-03-26 00:00:00+00
c1	p8	2026-01-09 00:00:00+00
c2	p8	2026-01-17 00:00:00+00
c3	p8	2026-01-25 00:00:00+00
c5	p8	2026-02-10 00:00:00+00
c6	p8	2026-02-18 00:00:00+00
c7	p8	2026-02-26 00:00:00+00
c9	p8	2026-03-14 00:00:00+00
c10	p8	2026-03-22 00:00:00+00
c11	p8	2026-03-30 00:00:00+00
c1	p9	2026-01-10 00:00:00+00
c3	p9	2026-01-28 00:00:00+00
c4	p9	2026-02-06 00:00:00+00
c5	p9	2026-02-15 00:00:00+00
c7	p9	2026-03-05 00:00:00+00
c8	p9	2026-03-14 00:00:00+00
c9	p9	2026-03-23 00:00:00+00
c11	p9	2026-04-10 00:00:00+00
c12	p9	2026-04-19 00:00:00+00
\.
COPY public.ratings (user_id, item_id, rating) FROM stdin;
2	1	3
3	1	4
5	1	1
6	1	2
8	1	4
9	1	5
11	1	2
12	1	3
1	2	3
3	2	2
4	2	4
6	2	3
7	2	5
9	2	4
10	2	1
12	2	5
1	3	4
2	3	2
4	3	3
5	3	1
7	3	2
8	3	5
10	3	1
11	3	4
2	4	4
3	4	3
5	4	1
6	4	5
8	4	3
9	4	2
11	4	5
12	4	4
1	5	1
3	5	1
4	5	1
6	5	1
7	5	1
9	5	1
10	5	1
12	5	1
1	6	2
2	6	3
4	6	5
5	6	1
7	6	3
8	6	4
10	6	1
11	6	2
2	7	5
3	7	2
5	7	1
6	7	3
8	7	2
9	7	4
11	7	3
12	7	5
1	8	4
3	8	5
4	8	3
6	8	4
7	8	2
9	8	3
10	8	1
12	8	2
1	9	5
2	9	4
4	9	2
5	9	1
7	9	4
8	9	3
10	9	1
11	9	5
\.
COPY recsys.kafka_dead_letter (id, source, topic, partition, "offset", message_time, key, payload, payload_bytes, sha256, headers, sqlstate, reason, attempts, first_at, last_at) FROM stdin;
\.
COPY recsys.kafka_gap (source, partition, from_offset, to_offset, reason, found_at) FROM stdin;
\.
COPY recsys.kafka_partition (source, partition, next_offset, messages, rows, dead_letters, anchor_offset, anchor_time, anchor_hash, low, high, seen_at, committed_at) FROM stdin;
\.
COPY recsys.kafka_source (source, owner, server, topic, target_schema, target_table, columns, transform, transform_owner, on_conflict, options, cluster_id, enabled, generation, failed_at, failed_sqlstate, failed_reason, failed_hint, created_at) FROM stdin;
\.
COPY recsys.model (name, feedback, algorithm, options, active_version, last_version, user_column, item_column, rating_column, time_column, created_at) FROM stdin;
untrained	explicit	popular	{}	\N	0	user_id	item_id	rating	\N	2026-11-26 21:57:33.094997+00
shop	implicit	als	{"factors": 2}	1	1	customer	product	\N	at	2026-11-26 21:57:33.087743+00
movies	explicit	als	{"factors": 2, "keep_versions": 2}	2	2	user_id	item_id	rating	\N	2026-11-26 21:57:33.080155+00
\.
COPY recsys.model_version (model, version, stamp, feedback, algorithm, options, mean, users, items, ratings, rows_read, rows_skipped, iterations, loss, started_at, seconds, trained_by, library_version, kernel, threads, source, snapshot) FROM stdin;
movies	1	7050488412098108292	explicit	als	{"seed": 42, "biases": true, "solver": "auto", "factors": 2, "tolerance": 0, "iterations": 15, "reg_scaling": 1, "history_limit": 0, "keep_versions": 2, "regularization": 0.12931913044866952}	2.8194444444444446	12	9	72	72	0	15	{67.88808755156008,46.924922331271944,44.755322958079226,44.095206551645944,43.76974754408607,43.607142224814,43.52252301220377,43.47742541312331,43.453130714019245,43.43997322557838,43.432825194308634,43.428948164548586,43.426834880244755,43.42568582945322,43.42506169884558}	2026-11-26 21:57:33.103893+00	0.0016	postgres	0.1.0	avx512	2	 SELECT s.user_id,\n    s.item_id,\n    s.rating,\n    NULL::timestamp with time zone AS "time"\n   FROM public.ratings s;	736:736:
shop	1	8243482711344018734	implicit	als	{"seed": 42, "alpha": 1, "solver": "auto", "factors": 2, "tolerance": 0, "iterations": 15, "reg_scaling": 1, "history_limit": 0, "keep_versions": 3, "regularization": 0.006, "unobserved_weight": 1}	0	12	9	81	81	0	15	{15.22639877141606,12.41651440953658,10.53608314503697,9.189705551518294,8.17973042558204,7.395763461521529,6.77109499124325,6.2629004270043644,5.842475706287292,5.489663746157811,5.190150793216557,4.933249892617275,4.710981304979303,4.517175833169899,4.347172746456101}	2026-11-26 21:57:33.106306+00	0.003017	postgres	0.1.0	avx512	2	 SELECT s.customer AS user_id,\n    s.product AS item_id,\n    (1)::real AS rating,\n    s.at AS "time"\n   FROM public.events s;	736:736:
movies	2	8830259615604781251	explicit	als	{"seed": 7, "biases": true, "solver": "auto", "factors": 2, "tolerance": 0, "iterations": 15, "reg_scaling": 1, "history_limit": 0, "keep_versions": 2, "regularization": 0.12931913044866952}	2.8194444444444446	12	9	72	72	0	15	{69.47274348976573,46.25990025219705,44.639836942578704,44.178908422398564,43.8890832661745,43.70135637372794,43.5854728312522,43.51677003330373,43.477025928127794,43.45432769078725,43.441418382357455,43.43409377092154,43.42992420671335,43.427543964398396,43.42618522390545}	2026-11-26 21:57:33.110576+00	0.00234	postgres	0.1.0	avx512	2	 SELECT s.user_id,\n    s.item_id,\n    s.rating,\n    NULL::timestamp with time zone AS "time"\n   FROM public.ratings s;	737:737:
\.
COPY recsys_data.movies_item_factors (version, item_id, factors, users) FROM stdin;
1	1	[1.0309006,0.40652853,-0.021483697]	8
1	2	[0.065665565,-1.1091055,0.29813004]	8
1	3	[0.13951835,0.92424005,0.15858087]	8
1	4	[-0.95879686,-0.42949253,0.51980203]	8
1	5	[-0.108822666,0.102837436,-1.6526146]	8
1	6	[-0.9881234,0.18827298,-0.099369206]	8
1	7	[0.21562716,-1.0838518,0.1827557]	8
1	8	[0.002628056,1.0759293,0.23186739]	8
1	9	[1.0493703,-0.3775116,0.43068174]	8
2	1	[0.08154949,1.108323,-0.028789885]	8
2	2	[1.02669,-0.40694588,0.30142117]	8
2	3	[-0.78464276,0.53438145,0.15114914]	8
2	4	[-0.03654339,-1.035891,0.52552205]	8
2	5	[-0.13943867,-0.050451677,-1.6549296]	8
2	6	[-0.5911305,-0.80362785,-0.09958611]	8
2	7	[1.0691519,-0.27094373,0.18956959]	8
2	8	[-0.97228605,0.4770086,0.22481717]	8
2	9	[0.7801284,0.8021469,0.42908406]	8
\.
COPY recsys_data.movies_user_factors (version, user_id, factors, bias) FROM stdin;
1	1	[0.9848765,0.36607912,1]	0.33407652
1	2	[0.07033968,-1.0124781,1]	0.3691828
1	3	[0.23852201,1.0986588,1]	0.2369263
1	4	[-1.2704996,-0.25214475,1]	0.31324607
1	5	[-0.027407885,0.14573142,1]	-1.773939
1	6	[-0.9105671,0.18422598,1]	0.28646186
1	7	[-0.03697959,-1.0888045,1]	0.23585051
1	8	[-0.06531672,1.2365828,1]	0.50237525
1	9	[1.3800029,-0.22906765,1]	0.2872171
1	10	[-0.28989366,-0.028550295,1]	-1.5074744
1	11	[0.021096723,-0.2206118,1]	0.4161849
1	12	[0.2309138,-1.1435006,1]	0.33675265
2	1	[0.08663874,1.0498779,1]	0.3261967
2	2	[0.94286394,-0.3688902,1]	0.37645835
2	3	[-0.8889752,0.7017649,1]	0.23113254
2	4	[-0.3195767,-1.2489494,1]	0.32525605
2	5	[-0.14270176,0.03846823,1]	-1.774297
2	6	[-0.56429327,-0.7352052,1]	0.291462
2	7	[0.96646684,-0.4894745,1]	0.24493699
2	8	[-1.1470807,0.47795781,1]	0.4945955
2	9	[0.80095136,1.1512823,1]	0.2814986
2	10	[-0.09956909,-0.27938056,1]	-1.5026807
2	11	[0.18987067,-0.062129613,1]	0.4189411
2	12	[1.1256332,-0.28568777,1]	0.34182808
\.
COPY recsys_data.shop_item_factors (version, item_id, factors, users) FROM stdin;
1	p1	[0.51668453,0.5417317]	9
1	p2	[-0.7219754,0.3874972]	9
1	p3	[0.51668453,0.5417317]	9
1	p4	[-0.7219754,0.3874972]	9
1	p5	[0.51668453,0.5417317]	9
1	p6	[-0.7219754,0.3874972]	9
1	p7	[0.51668453,0.5417317]	9
1	p8	[-0.7219754,0.3874972]	9
1	p9	[0.51668453,0.5417317]	9
\.
COPY recsys_data.shop_user_factors (version, user_id, factors, bias) FROM stdin;
1	c1	[-0.25237766,2.0402763]	0
1	c10	[-0.9066144,0.85185504]	0
1	c11	[-0.25237766,2.0402763]	0
1	c12	[0.65346366,1.1934482]	0
1	c2	[-0.9066144,0.85185504]	0
1	c3	[-0.25237766,2.0402763]	0
1	c4	[0.65346366,1.1934482]	0
1	c5	[-0.25237766,2.0402763]	0
1	c6	[-0.9066144,0.85185504]	0
1	c7	[-0.25237766,2.0402763]	0
1	c8	[0.65346366,1.1934482]	0
1	c9	[-0.25237766,2.0402763]	0
\.
COPY recsys_data.untrained_item_factors (version, item_id, factors, users) FROM stdin;
\.
COPY recsys_data.untrained_user_factors (version, user_id, factors, bias) FROM stdin;
\.
SELECT pg_catalog.setval('recsys.kafka_dead_letter_id_seq', 1, false);
ALTER TABLE ONLY recsys_data.movies_item_factors
    ADD CONSTRAINT movies_item_factors_pkey PRIMARY KEY (version, item_id);
ALTER TABLE ONLY recsys_data.movies_user_factors
    ADD CONSTRAINT movies_user_factors_pkey PRIMARY KEY (version, user_id);
ALTER TABLE ONLY recsys_data.shop_item_factors
    ADD CONSTRAINT shop_item_factors_pkey PRIMARY KEY (version, item_id);
ALTER TABLE ONLY recsys_data.shop_user_factors
    ADD CONSTRAINT shop_user_factors_pkey PRIMARY KEY (version, user_id);
ALTER TABLE ONLY recsys_data.untrained_item_factors
    ADD CONSTRAINT untrained_item_factors_pkey PRIMARY KEY (version, item_id);
ALTER TABLE ONLY recsys_data.untrained_user_factors
    ADD CONSTRAINT untrained_user_factors_pkey PRIMARY KEY (version, user_id);
CREATE INDEX events_customer_idx ON public.events USING btree (customer);
CREATE INDEX ratings_user_id_idx ON public.ratings USING btree (user_id);
