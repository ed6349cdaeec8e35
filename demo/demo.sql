-- A year of a gift wholesaler's invoices, and what to offer each customer next.
-- make demo runs this with psql, as an ordinary user, in a database of its own.
-- Source and licence of the data: demo/DATA.md.

\pset footer off
\timing off

\echo
\echo '---- 1. Two ordinary tables: products, and who bought what and when'
CREATE TABLE product (stock_code text PRIMARY KEY, name text NOT NULL);
CREATE TABLE purchase (
    customer_id int NOT NULL,
    stock_code  text NOT NULL REFERENCES product,
    quantity    int NOT NULL CHECK (quantity > 0),
    bought_at   timestamp NOT NULL);
\copy product  FROM PROGRAM 'xz -dc demo/products.csv.xz'  WITH (FORMAT csv, HEADER)
\copy purchase FROM PROGRAM 'xz -dc demo/purchases.csv.xz' WITH (FORMAT csv, HEADER)
CREATE INDEX ON purchase (customer_id, bought_at) INCLUDE (stock_code, quantity);
VACUUM ANALYZE product, purchase;
SELECT count(*) AS purchases, count(DISTINCT customer_id) AS customers,
       count(DISTINCT stock_code) AS products, min(bought_at)::date AS first, max(bought_at)::date AS last
FROM purchase;

\echo '---- 2. What a row says about taste is a view: a bulk order counts more, but not'
\echo '----    a thousand times more, and postage is nobody''s favourite product'
CREATE VIEW taste AS
SELECT customer_id, stock_code, (1 + ln(quantity))::real AS weight, bought_at
FROM purchase
WHERE stock_code ~ '^[0-9]{5}';

\echo
\echo '---- 3. A model over that view, and its training'
SELECT recsys.create_model('shop', 'taste',
    user_column => 'customer_id', item_column => 'stock_code',
    rating_column => 'weight', time_column => 'bought_at',
    feedback => 'implicit');
\timing on
SELECT version, users, items, ratings, iterations, round(seconds::numeric, 2) AS seconds, deployed
FROM recsys.train('shop');
\timing off

\echo
\echo '---- 4. Three customers: what they bought most, what they should see next'
PREPARE bought(int) AS
SELECT p.stock_code, p.name, sum(b.quantity) AS pieces
FROM purchase b JOIN product p USING (stock_code)
WHERE b.customer_id = $1
GROUP BY p.stock_code
ORDER BY count(*) DESC, pieces DESC, p.stock_code
LIMIT 6;

PREPARE offer(int, int) AS
SELECT r.rank, r.item_id AS stock_code, p.name, round(r.score::numeric, 3) AS score, r.source
FROM recsys.recommend_text('shop', $1, k => $2) r JOIN product p ON p.stock_code = r.item_id
ORDER BY r.rank;

\echo '-- customer 15194 bought'
EXECUTE bought(15194);
\echo '-- and is offered'
EXECUTE offer(15194, 6);
\echo '-- customer 13268 bought'
EXECUTE bought(13268);
\echo '-- and is offered'
EXECUTE offer(13268, 6);
\echo '-- customer 99999 has not bought anything yet: the popular products'
EXECUTE offer(99999, 6);

\echo '---- 5. The rest of the query is SQL: the same, among the lunch bags only'
SELECT r.rank, p.name, round(r.score::numeric, 3) AS score
FROM recsys.recommend_text('shop', 15194, k => 4,
        candidates => ARRAY(SELECT stock_code FROM product WHERE name LIKE '%LUNCH BAG%')) r
JOIN product p ON p.stock_code = r.item_id
ORDER BY r.rank;

\echo '---- 6. A purchase counts at once, in the very transaction that makes it'
BEGIN;
\echo '-- the new customer 99999 buys a cake stand and a pack of cake cases'
INSERT INTO purchase
SELECT 99999, stock_code, 2, '2011-12-09 13:00'
FROM product WHERE stock_code IN ('22423', '21212');
\timing on
EXECUTE offer(99999, 6);
\timing off
\echo '-- and takes it back'
ROLLBACK;
EXECUTE offer(99999, 6);
