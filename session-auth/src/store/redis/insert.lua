-- ARGV: subject, generation, id, seconds to live, issued, last seen, idle deadline, absolute deadline,
-- label.
local generation = tonumber(redis.call('HGET', key, 'generation') or '0')
if not generation or generation > tonumber(ARGV[2]) then
    return 0
end
redis.call('HSET', key, 'subject', ARGV[1])
write(ARGV[3], {
    number = redis.call('HINCRBY', key, 'added', 1),
    issued = ARGV[5],
    seen = ARGV[6],
    idle = ARGV[7],
    absolute = ARGV[8],
    going = expires(ARGV[4]),
    previous = '-',
    label = ARGV[9],
})
extend(tonumber(ARGV[4]))
return 1
