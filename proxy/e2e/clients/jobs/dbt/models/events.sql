{{ config(materialized='incremental', incremental_strategy='default') }}
select id, country, placed from {{ ref('stg_orders') }}
{% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}
