-- Gives a dispatch to another relay, at once. One that is being sent at the moment stays.
-- KEYS: as in message.lua; 10 relays
-- ARGV: as in message.lua; 3 dispatch (from 0), 4 the relay it has now, 5 the new relay, 6 lease (ms), 7 limit of an attempt (ms)
-- Returns: { "kept" } | { "rerouted", generation }
--- @include message

local dispatch = tonumber(ARGV[3])
local it = state and state.dispatches[dispatch + 1]
if not it or it.relay ~= ARGV[4] or not has_open(state, dispatch) then return { 'kept' } end
local now = time_now()
if it.claim then
  if claim_ends(keys, it.claim, now, tonumber(ARGV[6]), tonumber(ARGV[7])) > now then return { 'kept' } end
  take_over(keys, state, identity, dispatch, now, state.hold)
end
it.relay = ARGV[5]
it.tries = nil
it.faults = nil
if has_open(state, dispatch) then
  schedule(keys, state, message_id, dispatch, math.max(now, state.send_at or 0), now)
else
  close_dispatch(state, dispatch)
end
redis.call('SADD', KEYS[10], ARGV[5])
save_and_rest(keys, state, identity, message_id, retention)
return { 'rerouted', it.generation }
