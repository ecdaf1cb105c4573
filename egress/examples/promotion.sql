-- The result of one promotion, one row per item. Parameters: $restaurant, $promotion (ids).
-- Tables: order_confirmed, order_cancelled, order_failed, catalog_changed; one row per fact.
WITH promotion AS (
    SELECT promotion.starts_at AS starts_at, promotion.ends_at AS ends_at, promotion.items AS items
    FROM catalog_changed
    WHERE restaurant_id = $restaurant AND promotion.promotion_id = $promotion
    QUALIFY row_number() OVER (ORDER BY version DESC) = 1
),
offered AS (SELECT unnest(items, recursive := true) FROM promotion),
lines AS (
    SELECT order_id, occurred_at, unnest(items) AS line
    FROM order_confirmed
    WHERE restaurant_id = $restaurant
),
sold AS (
    SELECT
        line.sku AS sku,
        count(DISTINCT order_id) AS orders,
        sum(line.quantity) AS portions,
        sum(line.quantity * line.unit_price.amount) AS centavos,
        min(occurred_at) AS first_sale,
        max(occurred_at) AS last_sale
    FROM lines
    WHERE line.promotion_id = $promotion
    GROUP BY ALL
),
cancelled AS (
    SELECT line.sku AS sku, sum(line.quantity) AS portions
    FROM (SELECT unnest(items) AS line FROM order_cancelled WHERE restaurant_id = $restaurant)
    WHERE line.promotion_id = $promotion
    GROUP BY ALL
),
refused AS (
    SELECT sku, count(*) AS orders
    FROM (
        SELECT unnest(skus) AS sku
        FROM order_failed, promotion
        WHERE restaurant_id = $restaurant
          AND reason IN ('out_of_stock', 'limit_reached')
          AND epoch_ms(occurred_at) BETWEEN starts_at AND ends_at - 1
    )
    GROUP BY ALL
)
SELECT
    offered.sku AS sku,
    offered.portions AS portions_offered,
    coalesce(sold.portions, 0)::BIGINT AS portions_sold,
    coalesce(cancelled.portions, 0)::BIGINT AS portions_cancelled,
    coalesce(sold.orders, 0) AS orders,
    coalesce(refused.orders, 0) AS orders_refused,
    coalesce(sold.centavos, 0)::BIGINT AS centavos,
    epoch_ms(sold.last_sale) - promotion.starts_at AS ms_until_last_sale
FROM offered
CROSS JOIN promotion
LEFT JOIN sold USING (sku)
LEFT JOIN cancelled USING (sku)
LEFT JOIN refused USING (sku)
ORDER BY centavos DESC, sku
