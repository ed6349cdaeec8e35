\echo Use "ALTER EXTENSION recsys UPDATE TO '0.2.0'" to load this file. \quit
