-- Applies one batch of the projection, all of it or, after an error, none of its offsets: view fields, the boards and
-- feeds that show them, then the partitions' positions.
--
-- KEYS: 1 the name of the current generation, 2 the name of the generation that is being closed; then of this
--   generation: 3 positions, 4 revision, 5 changes, 6 sequences, 7 deletions; then each view; then feed and board of each
--   restaurant.
-- ARGV[1]: a MessagePack array {generation, must_be_current, ranges, views, restaurants, deleted}:
--   ranges       {{position's field, start, end}, ...}
--   views        {{expires_at, drop_at, restaurant, writes}, ...} in the order of KEYS; expires_at in seconds since 1970,
--                0: never; drop_at is an earlier expiry of the newest state, 0: none; restaurant is an index into
--                restaurants, 0: none
--   writes       {{field, version, value, listed, listed_until, references, owner}, ...}; value '' deletes the field;
--                listed is the order that the board lists until listed_until, '': none; references is what the feed says
--                has changed; owner is the restaurant whose deletions may have deleted the field, 0: it is never deleted
--   restaurants  {name, ...}
--   deleted      {{restaurant, version}, ...} the latest deletions in the batch
--
-- A write counts if the field has no such version yet. A field that is not there may have been deleted: then a write
-- counts if it is newer than the latest deletion of its owner before this batch. All fields that there were at that
-- deletion, and were not deleted themselves, are there: the facts of catalogues come in their order. Returns 1. Returns 0, having done nothing, if a position is
-- missing or before the start of its range, or if another generation is current: the views were emptied, set back or
-- replaced. Returns -1, having done nothing, if the generation is being closed.
local MAX_FEED_ENTRIES, FEED_SECONDS = 500, 900
-- How long a dropped view is kept after it was projected. An earlier fact of another topic, which may come late in a
-- rebuild, would show its earlier state again.
local LATE_FACTS_SECONDS = 600
local current_key, closing_key, positions_key, revision_key, changes_key, sequences_key = unpack(KEYS, 1, 6)
local deletions_key, FIRST_VIEW = KEYS[7], 8
local generation, must_be_current, ranges, views, restaurants, deleted = unpack(cmsgpack.unpack(ARGV[1]))
local first_feed = FIRST_VIEW + #views

if must_be_current then
  if redis.call('GET', current_key) ~= generation then
    return 0
  end
  if redis.call('GET', closing_key) == generation then
    return -1
  end
end

local positions = {}
for i, range in ipairs(ranges) do
  local field, start_offset = unpack(range)
  positions[i] = tonumber(redis.call('HGET', positions_key, field) or '-1')
  if positions[i] < start_offset then
    return 0
  end
end

local now = tonumber(redis.call('TIME')[1])

-- The newest state of a view decides how long it is kept, whatever comes after it; other facts only extend it.
local function set_expiry(key, expires_at, drop_at, is_outdated)
  local left = redis.call('TTL', key)
  if left >= 0 and is_outdated then
    return
  end
  if drop_at > 0 then
    redis.call('EXPIREAT', key, math.min(expires_at, math.max(drop_at, now + LATE_FACTS_SECONDS)))
  elseif left < 0 or now + left < expires_at then
    redis.call('EXPIREAT', key, expires_at)
  end
end

local function list_order(board, order, listed_until)
  redis.call('ZREMRANGEBYSCORE', board, '-inf', now)
  if listed_until > now then
    redis.call('ZADD', board, listed_until, order)
  else
    redis.call('ZREM', board, order)
  end
  -- the board expires with the last order that is listed, so a rebuilt board equals a grown one
  local last = redis.call('ZREVRANGE', board, 0, 0, 'WITHSCORES')
  if last[2] then
    redis.call('EXPIREAT', board, last[2])
  end
end

local deletion_versions = {} -- by restaurant: the version of its latest deletion before this batch
local function deletion_version(restaurant)
  if restaurant == 0 then
    return -1
  end
  if not deletion_versions[restaurant] then
    local stored = redis.call('HGET', deletions_key, restaurants[restaurant])
    deletion_versions[restaurant] = tonumber(stored or '-1')
  end
  return deletion_versions[restaurant]
end

-- Writes or deletes the field if its version is new; returns whether it did.
local function write_field(key, field, version, value, owner)
  local stored = redis.call('HGET', key, field)
  local stored_version = stored and tonumber(string.match(stored, '^%d+')) or deletion_version(owner)
  if version <= stored_version then
    return false
  end
  if value == '' then
    return redis.call('HDEL', key, field) == 1
  end
  redis.call('HSET', key, field, string.format('%d|', version) .. value)
  return true
end

local changed_views = {}
local references_of = {} -- by restaurant: the references of its feed, in order, each once
for i, view in ipairs(views) do
  local key = KEYS[FIRST_VIEW + i - 1]
  local expires_at, drop_at, restaurant, writes = unpack(view)
  local is_changed, is_outdated = false, false
  for _, write in ipairs(writes) do
    local field, version, value, listed, listed_until, references, owner = unpack(write)
    if write_field(key, field, version, value, owner) then
      is_changed = true
      if listed ~= '' then
        list_order(KEYS[first_feed + 2 * restaurant - 1], listed, listed_until)
      end
      for _, reference in ipairs(references) do
        local fed = references_of[restaurant] or {seen = {}}
        references_of[restaurant] = fed
        if not fed.seen[reference] then
          fed.seen[reference] = true
          table.insert(fed, reference)
        end
      end
    elseif listed ~= '' then
      is_outdated = true -- the view has a later state of the order
    end
  end
  if is_changed and expires_at == 0 then
    table.insert(changed_views, string.sub(key, #generation + 2))
  elseif is_changed then
    set_expiry(key, expires_at, drop_at, is_outdated)
  end
end

for _, deletion in ipairs(deleted) do
  local restaurant, version = unpack(deletion)
  if version > deletion_version(restaurant) then
    redis.call('HSET', deletions_key, restaurants[restaurant], version)
  end
end

if #changed_views > 0 then
  local revision = redis.call('INCR', revision_key)
  for _, view in ipairs(changed_views) do
    redis.call('ZADD', changes_key, revision, view)
  end
end

-- Appends references to a restaurant's feed, numbered on from its last sequence, and cuts the feed to its maximum.
local function append_to_feed(feed, restaurant, references)
  local before = redis.call('HINCRBY', sequences_key, restaurant, #references) - #references
  if redis.call('EXISTS', feed) == 0 then
    redis.call('ZADD', feed, before, 'floor')
  end
  for i, reference in ipairs(references) do
    redis.call('ZADD', feed, before + i, reference)
  end
  local excess = redis.call('ZCARD', feed) - 1 - MAX_FEED_ENTRIES
  if excess > 0 then
    local last_cut = redis.call('ZRANGE', feed, excess, excess, 'WITHSCORES')
    redis.call('ZREMRANGEBYRANK', feed, 1, excess)
    redis.call('ZADD', feed, last_cut[2], 'floor')
  end
  redis.call('EXPIRE', feed, FEED_SECONDS)
end

local woken = {}
for i, restaurant in ipairs(restaurants) do
  if references_of[i] then
    append_to_feed(KEYS[first_feed + 2 * i - 2], restaurant, references_of[i])
    table.insert(woken, restaurant)
  end
end

for i, range in ipairs(ranges) do
  local field, _, end_offset = unpack(range)
  if positions[i] < end_offset then
    redis.call('HSET', positions_key, field, end_offset)
  end
end
if must_be_current and #woken > 0 then
  redis.call('PUBLISH', 'views:wake', cjson.encode(woken))
end
return 1
