-- Events of a Kafka topic become rows, once each, and count at once.
-- make demo runs this after demo.sql; the broker is librdkafka's mock, in a process of
-- its own, at :brokers; the producer is test/kafka/produce.c.

\pset footer off

-- Waits until the source has read so many messages.
CREATE OR REPLACE PROCEDURE wait_for_messages(wanted bigint) LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz := clock_timestamp();
BEGIN
    LOOP
        EXIT WHEN (SELECT messages FROM recsys.kafka_sources WHERE source = 'shop') >= wanted;
        IF clock_timestamp() > began + interval '30 s' THEN
            RAISE 'the messages do not arrive' USING DETAIL = (SELECT jsonb_agg(s) FROM recsys.kafka_status s);
        END IF;
        COMMIT;
        PERFORM pg_sleep(0.01);
    END LOOP;
END
$$;

\echo '---- 7. What visitors do arrives by Kafka: a server, and who logs in there'
CREATE SERVER kafka FOREIGN DATA WRAPPER recsys_kafka OPTIONS (brokers :'brokers');
CREATE USER MAPPING FOR demo SERVER kafka;

\echo '----    a table for events; a view, a cart, a purchase weigh differently'
CREATE TABLE event (
    customer_id int NOT NULL,
    stock_code  text NOT NULL REFERENCES product,
    weight      real NOT NULL,
    happened_at timestamp NOT NULL);
CREATE INDEX ON event (customer_id, happened_at) INCLUDE (stock_code, weight);
SELECT recsys.kafka_create_source('shop', 'kafka', 'shop', 'event',
    columns => '{"customer_id": "$.customer.id",
                 "stock_code":  "$.product",
                 "weight":      {"path": "$.action", "map": {"view": 0.5, "cart": 1, "purchase": 2}},
                 "happened_at": "@timestamp"}',
    options => '{"linger_ms": 50, "fetch_wait_max_ms": 10}');

\echo '----    and the model''s view reads them too'
CREATE OR REPLACE VIEW taste AS
SELECT customer_id, stock_code, (1 + ln(quantity))::real AS weight, bought_at
FROM purchase
WHERE stock_code ~ '^[0-9]{5}'
UNION ALL
SELECT customer_id, stock_code, weight, happened_at
FROM event;

\echo
\echo '---- 8. A visitor who is new: what they are offered now'
EXECUTE offer(99998, 5);
\echo '-- they look at a cake stand, put cake cases into their cart, buy both (one line each)'
\! sh demo/send.sh '{"customer": {"id": 99998}, "product": "22423", "action": "view"}'
\! sh demo/send.sh '{"customer": {"id": 99998}, "product": "21212", "action": "cart"}'
\! sh demo/send.sh '{"customer": {"id": 99998}, "product": "22423", "action": "purchase"}'
\! sh demo/send.sh '{"customer": {"id": 99998}, "product": "21212", "action": "purchase"}'
CALL wait_for_messages(4);
\echo '-- the rows'
SELECT e.customer_id, p.name, e.weight, e.happened_at FROM event e JOIN product p USING (stock_code) ORDER BY e.happened_at, e.weight;
\echo '-- and what they are offered by now, without another training'
EXECUTE offer(99998, 5);

\echo '---- 9. What cannot be a row is put aside with its reason, and stops nothing'
\! sh demo/send.sh '{"customer": {"id": 99998}, "product": "no such product", "action": "view"}'
\! sh demo/send.sh '{"customer": {"id": 99998}, "product": "22423", "action":'
\! sh demo/send.sh '{"customer": {"id": 99997}, "product": "22423", "action": "view"}'
CALL wait_for_messages(7);
SELECT "offset", sqlstate, reason FROM recsys.kafka_dead_letters ORDER BY "offset";

\echo '---- 10. How far it is, and how it goes'
SELECT source, partition, next_offset, lag, lag_seconds, rows, dead_letters FROM recsys.kafka_lag;
SELECT source, state, messages, rows, dead_letters, batches FROM recsys.kafka_status;

-- The broker ends with the demo.
SELECT recsys.kafka_stop('shop');
