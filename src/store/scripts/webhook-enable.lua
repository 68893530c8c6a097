-- Lets a disabled webhook take part again; what was parked when it was disabled is due as if nothing had happened.
-- KEYS: 1 webhook, 2 webhooks, 3 webhooks' version, 4 webhooks due
-- ARGV: 1 tenant
-- ARGV, last, and what it returns then: as in in-time.lua
-- Returns: { "gone" } | { "enabled", webhook JSON }
--- @include in-time
--- @include webhook

local webhook = load_webhook(KEYS[1], ARGV[1])
if not webhook then return { 'gone' } end
webhook.disabled = nil
webhook.failing_since = nil
local text = cjson.encode(webhook)
redis.call('SET', KEYS[1], text)
redis.call('SADD', KEYS[2], webhook.id)
redis.call('INCR', KEYS[3])
redis.call('ZADD', KEYS[4], 'LT', time_now(), webhook.id)
return { 'enabled', text }
