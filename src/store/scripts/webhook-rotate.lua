-- Gives a webhook a new secret; the ones before go on signing for a while, however often it is rotated.
-- KEYS: 1 webhook
-- ARGV: 1 tenant, 2 new secret, 3 how long the old one still signs (ms), 4 how many old ones at most
-- ARGV, last, and what it returns then: as in in-time.lua
-- Returns: { "gone" } | { "rotated", webhook JSON }
--- @include in-time
--- @include webhook

local webhook = load_webhook(KEYS[1], ARGV[1])
if not webhook then return { 'gone' } end
local now = time_now()
local previous = { { secret = webhook.secret, ['until'] = now + tonumber(ARGV[3]) } }
for _, older in ipairs(webhook.previous or {}) do
  if older['until'] > now and #previous < tonumber(ARGV[4]) then previous[#previous + 1] = older end
end
webhook.previous = previous
webhook.secret = ARGV[2]
local text = cjson.encode(webhook)
redis.call('SET', KEYS[1], text)
return { 'rotated', text }
