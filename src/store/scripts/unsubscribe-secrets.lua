-- The secrets that sign links: a new one comes to the front when the newest is old, and one goes when no link of it is good any more.
-- KEYS: 1 the secrets
-- ARGV: 1 a new secret, should one be needed, 2 age at which another takes its place (ms), 3 how long it is kept after that (ms)
-- Returns: JSON list of { secret, at }, the newest first
--- @include time

local now = time_now()
local text = redis.call('GET', KEYS[1])
local secrets = text and cjson.decode(text) or {}
if secrets[1] and secrets[1].at + tonumber(ARGV[2]) > now then return text end

local kept = { { secret = ARGV[1], at = now } }
for _, it in ipairs(secrets) do
  if it.at + tonumber(ARGV[2]) + tonumber(ARGV[3]) > now then kept[#kept + 1] = it end
end
text = cjson.encode(kept)
redis.call('SET', KEYS[1], text)
return text
