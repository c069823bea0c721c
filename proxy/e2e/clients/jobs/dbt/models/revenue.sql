{{ config(materialized='table', table_type='PRIMARY', keys=['code'], distributed_by=['code'], properties={'replication_num': '1'}) }}
with paid as (
  select country, count(*) as n, sum(amount) as amount, max(placed) as latest from {{ ref('stg_orders') }} group by country
)
select c.code, c.name, p.n, p.amount, case when p.amount > 8 then 'large' else 'small' end as size
from {{ ref('countries') }} c left join paid p on p.country = c.code
