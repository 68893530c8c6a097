-- Cancels every recipient that is not being sent to and not settled.
-- KEYS, ARGV: as in message.lua
-- ARGV, last, and what it returns then: as in in-time.lua
-- Returns: { "gone" } | { "too_late" } none could be cancelled | { "cancelled", state JSON }
--- @include in-time
--- @include message

if not state then return { 'gone' } end
local now = time_now()
local count = 0
for index, recipient in ipairs(state.recipients) do
  if open_statuses[recipient.status] and recipient.status ~= 'sending' then
    settle(keys, state, identity, index, 'cancelled', now)
    count = count + 1
  end
end
if count == 0 then return { 'too_late' } end
for dispatch = 0, #state.dispatches - 1 do
  if not has_open(state, dispatch) and not state.dispatches[dispatch + 1].claim then close_dispatch(state, dispatch) end
end
save_and_rest(keys, state, identity, message_id, retention)
return { 'cancelled', cjson.encode(state) }
