-- Gives a message that nobody has tried to send yet a new time.
-- KEYS: as in message.lua
-- ARGV: as in message.lua; 3 new time (ms; now or earlier: at once)
-- ARGV, last, and what it returns then: as in in-time.lua
-- Returns: { "gone" } | { "too_late" } | { "rescheduled", now, state JSON }
--- @include in-time
--- @include message

if not state then return { 'gone' } end
local now = time_now()
for _, recipient in ipairs(state.recipients) do
  if open_statuses[recipient.status] and (recipient.attempts > 0 or recipient.status == 'deferred') then return { 'too_late' } end
end
if not has_open(state) or now >= state.expires_at then return { 'too_late' } end

local at = math.max(tonumber(ARGV[3]), now)
local life = state.expires_at - (state.send_at or state.created_at)
state.send_at = at
state.expires_at = at + life
for _, recipient in ipairs(state.recipients) do
  if open_statuses[recipient.status] then
    recipient.status = at > now and 'scheduled' or 'queued'
    recipient.updated_at = now
  end
end
for dispatch = 0, #state.dispatches - 1 do
  if has_open(state, dispatch) then schedule(keys, state, message_id, dispatch, at, now) end
end
append_event(keys, state, { type = 'message.rescheduled', at = now, tenant = state.tenant, message_id = message_id })
redis.call('ZADD', keys.open, 'XX', state.expires_at, open_member(message_id, identity))
save_state(keys, state)
return { 'rescheduled', now, cjson.encode(state) }
