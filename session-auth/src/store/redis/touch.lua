-- ARGV: id, last seen, idle deadline, seconds to live.
local row = redis.call('HGET', key, ARGV[1])
if not row or row:sub(1, 1) == '>' then
    return 0
end
local session = parse(row)
if not session then
    return -1
end
if later(ARGV[2], session.seen) then
    session.seen = ARGV[2]
end
if later(ARGV[3], session.idle) then
    session.idle = ARGV[3]
end
local going = expires(ARGV[4])
if later(going, session.going) then
    session.going = going
end
-- A Redis whose memory is full refuses what may take more, but for a script that has written: so that who is
-- logged in stays so.
redis.call('HDEL', key, '')
write(ARGV[1], session)
extend(tonumber(ARGV[4]))
return 1
