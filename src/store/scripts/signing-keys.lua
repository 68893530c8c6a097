-- The keys that links are signed with; a new one comes to the front when the newest is old, and goes when no link of it is valid any more.
-- KEYS: 1 signing keys
-- ARGV: 1 a new key, should one be needed, 2 age at which another takes its place (ms), 3 how long it is kept after that (ms)
-- Returns: JSON list of { secret, at }, the newest first
--- @include time

local now = time_now()
local text = redis.call('GET', KEYS[1])
local signing_keys = text and cjson.decode(text) or {}
if signing_keys[1] and signing_keys[1].at + tonumber(ARGV[2]) > now then return text end

local kept = { { secret = ARGV[1], at = now } }
for _, key in ipairs(signing_keys) do
  if key.at + tonumber(ARGV[2]) + tonumber(ARGV[3]) > now then kept[#kept + 1] = key end
end
text = cjson.encode(kept)
redis.call('SET', KEYS[1], text)
return text
