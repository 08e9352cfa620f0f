-- KEYS: session, index. ARGV: id, version, last seen, idle deadline, seconds.
if redis.call('EXISTS', KEYS[1]) == 0 then
    return 0
end
check(KEYS[2])
local row = redis.call('HMGET', KEYS[1], 'v', 'seen', 'idle')
local seen, idle = row[2], row[3]
if row[1] ~= ARGV[2] or not seen or not idle or not seen:match('^%d+$') or not idle:match('^%d+$') then
    return -1
end
if later(ARGV[3], seen) then
    seen = ARGV[3]
end
if later(ARGV[4], idle) then
    idle = ARGV[4]
end
redis.call('HSET', KEYS[1], 'seen', seen, 'idle', idle)
extend(KEYS[1], tonumber(ARGV[5]))
enter(KEYS[2], KEYS[1], ARGV[1])
return 1
