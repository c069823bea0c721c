{{ config(materialized='view') }}
select id, country, amount, placed from {{ ref('orders') }} where amount is not null
