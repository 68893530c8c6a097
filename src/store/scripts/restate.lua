-- Says again what a relay has taken, where Redis may have forgotten it: it went back to before that was recorded. What is open is not
-- sent again then, unless somebody has begun to; what was sent again meanwhile says at least that it may be a double.
-- KEYS: as in message.lua
-- ARGV: as in message.lua; 3 JSON list of outcomes, all of the kind `sent`, as in record.lua; 4 when they were recorded (ms, Redis time)
-- Returns: { "gone" } | { "there", now } nothing was forgotten | { "restated", now }
--- @include message

if not state then return { 'gone' } end
local now = time_now()
local forgotten = false

for _, outcome in ipairs(cjson.decode(ARGV[3])) do
  local index = outcome.recipient + 1
  local recipient = state.recipients[index]
  -- Recorded at another time: by another attempt, which has sent it again. That is one fact more, and told as such.
  local again = recipient.status == 'sent' and recipient.updated_at ~= tonumber(ARGV[4]) and not recipient.possible_duplicate
  if again or open_statuses[recipient.status] then
    forgotten = true
    recipient.doubts = math.max(recipient.doubts or 0, 1)
    recipient.possible_duplicate = true
    -- Of what the table allows: its time had come, and what is sent is told anew.
    recipient.status = 'queued'
    settle(keys, state, identity, index, 'sent', now, not again and outcome or nil)
  end
end

if not forgotten then return { 'there', now } end
for dispatch = 0, #state.dispatches - 1 do
  if not has_open(state, dispatch) then close_dispatch(state, dispatch) end
end
save_and_rest(keys, state, identity, message_id, retention)
return { 'restated', now }
