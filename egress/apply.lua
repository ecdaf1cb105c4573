-- Applies one batch: the writes, the boards and feeds that tell of them, then the positions behind them; all of it
-- or, after an error, no position.
-- KEYS: the pointer to the current generation, the one being closed, the generation's positions, revision,
-- changes and sequences, then the views, then feed and board of each restaurant.
-- ARGV: the generation; 1 when it must be the current one, else 0; how many moves; field, start, end of each; how
-- many views; for each when it expires (seconds since 1970, 0: never), its restaurant's number (0: none), how
-- many writes, and of each field, version, value, the order to list ('': none), until when (0: no longer), how many
-- references, the references; then the restaurants.
-- A write counts when the field holds no such version yet. Returns 1; or, having done nothing: 0 when a position
-- is missing or behind its move's start, or another generation is current: then the views were emptied, set back
-- or replaced; -1 when the generation is being closed.
local FEED_MOST, FEED_SECONDS = 500, 900
local generation, must_be_current = ARGV[1], ARGV[2] == '1'
if must_be_current then
  if redis.call('GET', KEYS[1]) ~= generation then
    return 0
  end
  if redis.call('GET', KEYS[2]) == generation then
    return -1
  end
end

local moves = tonumber(ARGV[3])
local stored = {}
for m = 1, moves do
  local at = 3 * m + 1
  stored[m] = tonumber(redis.call('HGET', KEYS[3], ARGV[at]) or '-1')
  if stored[m] < tonumber(ARGV[at + 1]) then
    return 0
  end
end

local now = tonumber(redis.call('TIME')[1])
local at = 3 * moves + 4
local views = tonumber(ARGV[at])
at = at + 1

local function keep_until(key, expires)
  local left = redis.call('TTL', key)
  if left < 0 or now + left < expires then
    redis.call('EXPIREAT', key, expires)
  end
end

local function list(board, order, listed_until)
  redis.call('ZREMRANGEBYSCORE', board, '-inf', now)
  if listed_until > now then
    redis.call('ZADD', board, listed_until, order)
  else
    redis.call('ZREM', board, order)
  end
  -- by who is listed, not by who was: rebuilt boards equal grown ones
  local last = redis.call('ZREVRANGE', board, 0, 0, 'WITHSCORES')
  if last[2] then
    redis.call('EXPIREAT', board, last[2])
  end
end

local changed, fed = {}, {}
for k = 1, views do
  local key = KEYS[6 + k]
  local expires, restaurant, writes = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local counted = false
  at = at + 3
  for _ = 1, writes do
    local held = redis.call('HGET', key, ARGV[at])
    local version = held and tonumber(string.match(held, '^%d+')) or -1
    local references = tonumber(ARGV[at + 5])
    if tonumber(ARGV[at + 1]) > version then
      redis.call('HSET', key, ARGV[at], ARGV[at + 1] .. '|' .. ARGV[at + 2])
      counted = true
      if ARGV[at + 3] ~= '' then
        list(KEYS[6 + views + 2 * restaurant], ARGV[at + 3], tonumber(ARGV[at + 4]))
      end
      for r = at + 6, at + 5 + references do
        fed[restaurant] = fed[restaurant] or {of = {}}
        if not fed[restaurant].of[ARGV[r]] then
          fed[restaurant].of[ARGV[r]] = true
          table.insert(fed[restaurant], ARGV[r])
        end
      end
    end
    at = at + 6 + references
  end
  if counted and expires == 0 then
    changed[#changed + 1] = string.sub(key, #generation + 2)
  elseif counted then
    keep_until(key, expires)
  end
end

if #changed > 0 then
  local revision = redis.call('INCR', KEYS[4])
  for _, view in ipairs(changed) do
    redis.call('ZADD', KEYS[5], revision, view)
  end
end

local woken = {}
for restaurant = 1, #ARGV - at + 1 do
  local references = fed[restaurant]
  if references then
    local name, feed = ARGV[at + restaurant - 1], KEYS[5 + views + 2 * restaurant]
    local before = redis.call('HINCRBY', KEYS[6], name, #references) - #references
    if redis.call('EXISTS', feed) == 0 then
      redis.call('ZADD', feed, before, 'floor')
    end
    for r, reference in ipairs(references) do
      redis.call('ZADD', feed, before + r, reference)
    end
    local over = redis.call('ZCARD', feed) - 1 - FEED_MOST
    if over > 0 then
      local last = redis.call('ZRANGE', feed, over, over, 'WITHSCORES')
      redis.call('ZREMRANGEBYRANK', feed, 1, over)
      redis.call('ZADD', feed, last[2], 'floor')
    end
    redis.call('EXPIRE', feed, FEED_SECONDS)
    woken[#woken + 1] = name
  end
end

for m = 1, moves do
  local move = 3 * m + 1
  if stored[m] < tonumber(ARGV[move + 2]) then
    redis.call('HSET', KEYS[3], ARGV[move], ARGV[move + 2])
  end
end
if must_be_current and #woken > 0 then
  redis.call('PUBLISH', 'views:wake', cjson.encode(woken))
end
return 1
