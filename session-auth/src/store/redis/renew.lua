-- ARGV: old id, new id, until when the old one is remembered or 0, seconds to live, issued, last seen,
-- idle deadline, absolute deadline, label.
local row = redis.call('HGET', key, ARGV[1])
if drop(ARGV[1]) == 0 then
    return 0
end
local old = parse(row)
local remembered = ARGV[3] ~= '0'
if remembered then
    redis.call('HSET', key, ARGV[1], '>' .. ARGV[2] .. ' ' .. ARGV[3])
end
write(ARGV[2], {
    number = old and old.number or redis.call('HINCRBY', key, 'added', 1),
    issued = ARGV[5],
    seen = ARGV[6],
    idle = ARGV[7],
    absolute = ARGV[8],
    going = expires(ARGV[4]),
    previous = remembered and ARGV[1] or '-',
    label = ARGV[9],
})
extend(tonumber(ARGV[4]))
return 1
