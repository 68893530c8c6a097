-- Asks for all past events since a time to be sent again. While a replay runs that began earlier, it stays as it is.
-- KEYS: 1 webhook, 2 replay, 3 webhooks replaying, 4 webhooks, 5 sequence
-- ARGV: 1 tenant, 2 since (ms), 3 life of the replay (ms)
-- ARGV, last, and what it returns then: as in in-time.lua
-- Returns: { "gone" } | { "disabled" } | { "replaying", replay JSON }
--- @include in-time
--- @include webhook

local webhook = load_webhook(KEYS[1], ARGV[1])
if not webhook then return { 'gone' } end
if redis.call('SISMEMBER', KEYS[4], webhook.id) == 0 then return { 'disabled' } end
local running = redis.call('GET', KEYS[2])
if running and cjson.decode(running).since <= tonumber(ARGV[2]) then return { 'replaying', running } end
local text = cjson.encode({ since = tonumber(ARGV[2]), ['until'] = tonumber(redis.call('GET', KEYS[5]) or 0) })
redis.call('SET', KEYS[2], text, 'PX', ARGV[3])
redis.call('SADD', KEYS[3], webhook.id)
return { 'replaying', text }
