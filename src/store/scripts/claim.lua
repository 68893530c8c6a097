-- Claims a dispatch for one attempt: its open recipients become `sending`, numbered and owned.
-- KEYS: as in message.lua
-- ARGV: as in message.lua; 3 dispatch (from 0), 4 generation, 5 owner, 6 lease (ms), 7 limit of an attempt (ms),
--       8 a word of this try's own: asked again with it (the answer was lost), the same claim is given again
-- Returns: { "stale" } nothing to do | { "early", milliseconds } | { "busy", milliseconds } look again then
--   | { "claimed", now, record JSON, state JSON, bytes } (bytes: the first chunk only, where there are more)
--- @include message

local dispatch = tonumber(ARGV[3])
local owner = ARGV[5]
local it = state and state.dispatches[dispatch + 1]
if not it or it.generation ~= tonumber(ARGV[4]) or not has_open(state, dispatch) then return { 'stale' } end

local now = time_now()
local before = it.claim
if before and before.owner == owner and before.word == ARGV[8] then
  return { 'claimed', now, record_text, cjson.encode(state), redis.call('GET', KEYS[3]) or '' }
elseif before then
  local ends = claim_ends(keys, before, now, tonumber(ARGV[6]), tonumber(ARGV[7]))
  if ends > now then return { 'busy', ends - now } end
elseif it.next_at > now + 50 then
  -- Some worker's clock is ahead of Redis time.
  return { 'early', it.next_at - now }
end

load_record()
local hold = record.on_doubt == 'hold'
if before then take_over(keys, state, identity, dispatch, now, hold) end

local expired = now >= state.expires_at
local doubted = false
local claimed = false
for index, recipient in ipairs(state.recipients) do
  if recipient.dispatch == dispatch and open_statuses[recipient.status] then
    if expired then
      expire(keys, state, identity, index, now)
    else
      recipient.status = 'sending'
      recipient.attempts = recipient.attempts + 1
      recipient.updated_at = now
      recipient.relay = it.relay
      if (recipient.doubts or 0) > 0 then doubted = true end
      claimed = true
    end
  end
end

if not claimed then
  close_dispatch(state, dispatch)
  save_state(keys, state)
  rest_if_settled(keys, state, identity, message_id, retention)
  return { 'stale' }
end

state.attempts = state.attempts + 1
it.claim = { attempt = state.attempts, owner = owner, claimed_at = now, word = ARGV[8], marks = (hold or doubted) and true or nil }
save_state(keys, state)
return { 'claimed', now, record_text, cjson.encode(state), redis.call('GET', KEYS[3]) or '' }
