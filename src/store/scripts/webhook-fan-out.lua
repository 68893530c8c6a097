-- Makes events due at webhooks and acknowledges them, in one step: an event is acknowledged once its deliveries exist. Safe to repeat.
-- KEYS: 1 events, 2 webhooks, 3 webhooks due, then for each delivery: its row, the webhook's due set, the webhook's list
-- ARGV: 1 consumer group, 2 life of a row (ms), 3 JSON list of the events to acknowledge (stream ids),
--       then for each delivery: webhook id, event id, time of the event (ms), row JSON
-- Returns: how many deliveries were made
--- @include webhook

local now = time_now()
local life = tonumber(ARGV[2])
local made = 0
for number = 0, (#KEYS - 3) / 3 - 1 do
  local row_key, due_key, list_key = KEYS[number * 3 + 4], KEYS[number * 3 + 5], KEYS[number * 3 + 6]
  local webhook_id, event_id, event_at, row = unpack(ARGV, number * 4 + 4, number * 4 + 7)
  -- The webhook may have been deleted or disabled since the reader looked, and the event handled before.
  if redis.call('SISMEMBER', KEYS[2], webhook_id) == 1 and redis.call('SET', row_key, row, 'PX', life, 'NX') then
    make_due(webhook_id, event_id, due_key, KEYS[3], now, life)
    list_delivery(list_key, event_id, event_at, now, life)
    made = made + 1
  end
end
local handled = cjson.decode(ARGV[3])
if #handled > 0 then redis.call('XACK', KEYS[1], ARGV[1], unpack(handled)) end
return made
