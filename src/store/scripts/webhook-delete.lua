-- Ends a webhook at once; its deliveries' rows and lists are removed afterwards, in slices.
-- KEYS: 1 webhook, 2 tenant's webhooks, 3 webhooks, 4 webhooks' version, 5 webhooks due, 6 webhooks replaying, 7 replay, 8 due
-- ARGV: 1 tenant
-- ARGV, last, and what it returns then: as in in-time.lua
-- Returns: { "gone" } | { "deleted" }
--- @include in-time
--- @include webhook

local webhook = load_webhook(KEYS[1], ARGV[1])
if not webhook then return { 'gone' } end
redis.call('UNLINK', KEYS[1], KEYS[7], KEYS[8])
redis.call('ZREM', KEYS[2], webhook.id)
redis.call('SREM', KEYS[3], webhook.id)
redis.call('INCR', KEYS[4])
redis.call('ZREM', KEYS[5], webhook.id)
redis.call('SREM', KEYS[6], webhook.id)
return { 'deleted' }
