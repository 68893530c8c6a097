-- A script that changes something for a caller includes this first. The caller is told that it failed when no answer comes in time; a script
-- that was stuck on its way must not change anything behind its back. The last of ARGV is the time (ms) from which on it would: see runForCaller.
-- Returns: { "late" }
--- @include time

if time_now() > tonumber(ARGV[#ARGV]) then return { 'late' } end
