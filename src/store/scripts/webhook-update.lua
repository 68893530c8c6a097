-- Changes what a webhook's owner may change.
-- KEYS: 1 webhook, 2 webhooks' version
-- ARGV: 1 tenant, 2 JSON of the fields that get a new value
-- ARGV, last, and what it returns then: as in in-time.lua
-- Returns: { "gone" } | { "updated", webhook JSON }
--- @include in-time
--- @include webhook

local webhook = load_webhook(KEYS[1], ARGV[1])
if not webhook then return { 'gone' } end
for name, value in pairs(cjson.decode(ARGV[2])) do webhook[name] = value end
local text = cjson.encode(webhook)
redis.call('SET', KEYS[1], text)
redis.call('INCR', KEYS[2])
return { 'updated', text }
