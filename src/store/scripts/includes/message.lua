-- What every script about one stored message begins with.
-- KEYS: as in open-message.lua
-- ARGV: 1 message id, 2 retention as JSON { message, content, failed_content } (ms)
--- @include open-message

open_message(ARGV[1])
local retention = cjson.decode(ARGV[2])
