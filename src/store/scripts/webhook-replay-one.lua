-- Makes one delivery due at once, whatever became of it before. One that waits goes on with its schedule, a settled one begins anew.
-- KEYS: 1 webhook, 2 row, 3 due, 4 leases, 5 webhooks due, 6 webhooks
-- ARGV: 1 tenant, 2 event id, 3 life of a row (ms)
-- ARGV, last, and what it returns then: as in in-time.lua
-- Returns: { "gone" } | { "disabled" } | { "due", row JSON }
--- @include in-time
--- @include webhook

local webhook = load_webhook(KEYS[1], ARGV[1])
local row_text = redis.call('GET', KEYS[2])
if not webhook or not row_text then return { 'gone' } end
if redis.call('SISMEMBER', KEYS[6], webhook.id) == 0 then return { 'disabled' } end
-- It is being tried at this moment.
if redis.call('ZSCORE', KEYS[4], ARGV[2]) then return { 'due', row_text } end
local now = time_now()
local row = cjson.decode(row_text)
if row.status ~= 'pending' then
  row.status = 'pending'
  row.step = 0
end
row.next_at = now
local text = cjson.encode(row)
redis.call('SET', KEYS[2], text, 'XX', 'KEEPTTL')
make_due(webhook.id, ARGV[2], KEYS[3], KEYS[5], now, ARGV[3])
return { 'due', text }
