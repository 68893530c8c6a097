-- Replays one slice of a webhook's past events, and moves the replay on, in one step. A slice that another worker did changes nothing.
-- KEYS: 1 replay, 2 webhooks replaying, 3 webhooks, 4 webhooks due, 5 due, 6 leases, 7 list, then the deliveries' rows
-- ARGV: 1 webhook id, 2 the replay JSON as it was read, 3 the replay JSON as it shall be, or "" when it ends,
--       4 life of a row (ms), 5 how many may be overdue, then for each delivery: event id, time of the event (ms), row JSON
-- Returns: { "moved" } | { "full" } or { "disabled" } later | { "replayed", how many were made due }
--- @include webhook

if redis.call('GET', KEYS[1]) ~= ARGV[2] then return { 'moved' } end
if redis.call('SISMEMBER', KEYS[3], ARGV[1]) == 0 then return { 'disabled' } end
if redis.call('ZCOUNT', KEYS[5], '-inf', time_now()) >= tonumber(ARGV[5]) then return { 'full' } end

local now = time_now()
local life = tonumber(ARGV[4])
local count = 0
for number = 0, #KEYS - 8 do
  local row_key = KEYS[number + 8]
  local event_id, event_at, fresh_row = unpack(ARGV, number * 3 + 6, number * 3 + 8)
  -- One that is being tried at this moment is left alone; one that waits for its next try need not wait any longer.
  if not redis.call('ZSCORE', KEYS[6], event_id) then
    local standing = redis.call('GET', row_key)
    if standing then
      local row = cjson.decode(standing)
      if row.status ~= 'pending' then
        row.status = 'pending'
        row.step = 0
      end
      row.next_at = now
      redis.call('SET', row_key, cjson.encode(row), 'KEEPTTL')
    else
      redis.call('SET', row_key, fresh_row, 'PX', life)
      list_delivery(KEYS[7], event_id, event_at, now, life)
    end
    make_due(ARGV[1], event_id, KEYS[5], KEYS[4], now, life)
    count = count + 1
  end
end
if ARGV[3] == '' then
  redis.call('DEL', KEYS[1])
  redis.call('SREM', KEYS[2], ARGV[1])
else
  redis.call('SET', KEYS[1], ARGV[3], 'KEEPTTL')
end
return { 'replayed', count }
