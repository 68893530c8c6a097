-- Stores a new webhook, which gets every event that is appended from now on.
-- KEYS: 1 webhook, 2 tenant's webhooks, 3 webhooks, 4 webhooks' version, 5 sequence
-- ARGV: 1 webhook JSON without `created_at` and `from_sequence`, 2 how many a tenant may have
-- ARGV, last, and what it returns then: as in in-time.lua
-- Returns: { "too_many" } | { "created", webhook JSON }
--- @include in-time
--- @include webhook

if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[2]) then return { 'too_many' } end
local webhook = cjson.decode(ARGV[1])
webhook.created_at = time_now()
webhook.from_sequence = tonumber(redis.call('GET', KEYS[5]) or 0)
local text = cjson.encode(webhook)
redis.call('SET', KEYS[1], text)
redis.call('ZADD', KEYS[2], webhook.created_at, webhook.id)
redis.call('SADD', KEYS[3], webhook.id)
redis.call('INCR', KEYS[4])
return { 'created', text }
