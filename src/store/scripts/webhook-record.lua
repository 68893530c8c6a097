-- Records what a try to deliver came to, and what that means for the webhook. Safe to repeat: a second run finds its lease gone.
-- KEYS: 1 webhook, 2 row, 3 due, 4 leases, 5 webhooks due, 6 webhooks, 7 webhooks' version, 8 events, 9 sequence
-- ARGV: 1 webhook id, 2 event id, 3 end of the lease (ms), which names it,
--       4 outcome: succeeded | failed | refused (the endpoint wants no more: 410) | lost (there is nothing to send any more)
--         | released (no try was made, or its end not awaited),
--       5 the try as JSON, 6 milliseconds until the next try, or -1: none, 7 slots, 8 how long a webhook may fail until it is disabled (ms),
--       9 life of a row (ms)
-- Returns: { "stale" } | { "gone" } | { "released" } | { "succeeded" } | { "waiting" } | { "failed" }, then "disabled" if the webhook was
--- @include webhook

local webhook_id, event_id, outcome = ARGV[1], ARGV[2], ARGV[4]
local now = time_now()

local current = tonumber(redis.call('ZSCORE', KEYS[4], event_id)) == tonumber(ARGV[3])
if current then redis.call('ZREM', KEYS[4], event_id) end
local function rest(...)
  if current then note_next(webhook_id, KEYS[3], KEYS[4], KEYS[5], KEYS[6], tonumber(ARGV[7])) end
  return { ... }
end

local webhook_text = redis.call('GET', KEYS[1])
local row_text = redis.call('GET', KEYS[2])
if not webhook_text or not row_text then return rest('gone') end
if current and outcome == 'released' then
  make_due(webhook_id, event_id, KEYS[3], KEYS[5], now, ARGV[9])
  return rest('released')
end
local row = cjson.decode(row_text)
-- After its lease only a success counts: the endpoint has the event, whatever another worker is trying meanwhile.
if not current and (outcome ~= 'succeeded' or row.status == 'succeeded') then return { 'stale' } end

local try = cjson.decode(ARGV[5])
local tries = row.tries or {}
-- One answer is kept, the newest: a thousand failing deliveries would hold it thousands of times.
if try.response_snippet then
  for _, earlier in ipairs(tries) do earlier.response_snippet = nil end
end
tries[#tries + 1] = try
if #tries > 20 then table.remove(tries, 1) end
row.tries = tries
row.attempts = row.attempts + 1
row.step = row.step + 1
row.next_at = nil

local word = 'failed'
if outcome == 'succeeded' then
  word = 'succeeded'
  redis.call('ZREM', KEYS[3], event_id)
elseif row.status == 'succeeded' then
  -- A late success came in while this try was under way.
  word = 'succeeded'
elseif tonumber(ARGV[6]) >= 0 then
  word = 'waiting'
  row.next_at = now + tonumber(ARGV[6])
  make_due(webhook_id, event_id, KEYS[3], KEYS[5], row.next_at, ARGV[9])
end
row.status = word == 'waiting' and 'pending' or word
redis.call('SET', KEYS[2], cjson.encode(row), 'XX', 'KEEPTTL')

if outcome == 'lost' then return rest(word) end
local webhook = cjson.decode(webhook_text)
if outcome == 'succeeded' then
  if webhook.failing_since then
    webhook.failing_since = nil
    redis.call('SET', KEYS[1], cjson.encode(webhook))
  end
  return rest(word)
end

local since = webhook.failing_since or now
local reason = outcome == 'refused' and 'gone' or (now - since >= tonumber(ARGV[8]) and 'failing')
if reason and not webhook.disabled then
  webhook.disabled = { at = now, reason = reason }
  redis.call('SREM', KEYS[6], webhook_id)
  redis.call('INCR', KEYS[7])
  local event = { type = 'webhook.disabled', at = now, tenant = webhook.tenant, webhook_id = webhook_id }
  redis.call('XADD', KEYS[8], string.format('%d-0', redis.call('INCR', KEYS[9])), 'e', cjson.encode(event))
  webhook.failing_since = since
  redis.call('SET', KEYS[1], cjson.encode(webhook))
  return rest(word, 'disabled')
end
if not webhook.failing_since then
  webhook.failing_since = since
  redis.call('SET', KEYS[1], cjson.encode(webhook))
end
return rest(word)
