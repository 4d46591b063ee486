"""Rules, cron expressions and intervals, and what they are in words.

Z stands for "in each person's zone". The usual clause about the gap is left out for rules and intervals.
"""

RULES = [
    ("FREQ=MONTHLY;BYDAY=1MO", "every first Monday at 09:00 Z"),
    ("FREQ=DAILY", "every day at 09:00 Z"),
    ("FREQ=DAILY;INTERVAL=3", "every 3 days at 09:00 Z, counted from 2025-01-06"),
    ("FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", "every weekday at 09:00 Z"),
    (
        "FREQ=DAILY;INTERVAL=2;BYDAY=MO,FR",
        "every 2 days if it is a Monday or Friday at 09:00 Z, counted from 2025-01-06",
    ),
    ("FREQ=DAILY;BYMONTH=1", "every day in January at 09:00 Z"),
    ("FREQ=DAILY;BYMONTHDAY=1,15", "every day if it is the 1st or the 15th at 09:00 Z"),
    (
        "FREQ=DAILY;BYHOUR=9,17;BYMINUTE=0,30",
        "every day at 09:00, 09:30, 17:00 and 17:30 Z; in the spring gap an hour later",
    ),
    (
        "FREQ=DAILY;BYHOUR=9,10,11,12;BYMINUTE=0,30",
        "every day at 8 times from 09:00 to 12:30 Z; in the spring gap an hour later",
    ),
    ("FREQ=WEEKLY", "every week on Monday at 09:00 Z"),
    ("FREQ=WEEKLY;BYDAY=MO,WE,FR;COUNT=10", "every Monday, Wednesday and Friday at 09:00 Z, 10 times"),
    ("FREQ=WEEKLY;BYDAY=SA,SU", "every Saturday and Sunday at 09:00 Z"),
    (
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;UNTIL=20251231",
        "every 2 weeks on Tuesday and Thursday at 09:00 Z, counted from 2025-01-06, until 2025-12-31",
    ),
    ("FREQ=WEEKLY;BYDAY=MO;UNTIL=20251231T090000Z", "every Monday at 09:00 Z, until 2025-12-31 09:00 UTC"),
    ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU", "every day at 09:00 Z"),
    ("FREQ=MONTHLY", "every month on the 6th at 09:00 Z"),
    ("FREQ=MONTHLY;BYMONTHDAY=15,-1", "every month on the 15th and the last day at 09:00 Z"),
    (
        "FREQ=MONTHLY;BYMONTHDAY=31",
        "every month on the 31st at 09:00 Z; where a month lacks the day, not at all",
    ),
    (
        "FREQ=MONTHLY;BYMONTHDAY=31;SKIP=BACKWARD",
        "every month on the 31st at 09:00 Z; where a month lacks the day, on its last day",
    ),
    ("FREQ=MONTHLY;BYDAY=-1FR", "every last Friday at 09:00 Z"),
    ("FREQ=MONTHLY;BYDAY=1MO,3MO", "every first Monday and third Monday at 09:00 Z"),
    ("FREQ=MONTHLY;BYDAY=-2MO;BYMONTH=3", "every month on the second to last Monday in March at 09:00 Z"),
    ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "every month on the 13th if it is a Friday at 09:00 Z"),
    ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "every month on the last weekday at 09:00 Z"),
    (
        "FREQ=MONTHLY;BYDAY=TU,WE,TH;BYSETPOS=3",
        "every month on the third Tuesday, Wednesday or Thursday at 09:00 Z",
    ),
    (
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=1SU,-1SU",
        "every 2 months on the first Sunday and the last Sunday at 09:00 Z, counted from 2025-01-06",
    ),
    ("FREQ=MONTHLY;BYDAY=TU", "every month on Tuesday at 09:00 Z"),
    (
        "FREQ=MONTHLY;BYMONTHDAY=1,2,3;BYSETPOS=2",
        "every month on the 1st, the 2nd and the 3rd, only the second of these, at 09:00 Z",
    ),
    ("FREQ=YEARLY", "every year on 6 January at 09:00 Z"),
    ("FREQ=YEARLY;BYMONTH=6,7", "every year on the 6th in June and July at 09:00 Z"),
    ("FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "every year on the fourth Thursday in November at 09:00 Z"),
    ("FREQ=YEARLY;BYDAY=20MO", "every year on the 20th Monday at 09:00 Z"),
    ("FREQ=YEARLY;BYDAY=-1SU", "every year on the last Sunday at 09:00 Z"),
    ("FREQ=YEARLY;BYYEARDAY=1,100,-1", "every year on the 1st, 100th and last day of the year at 09:00 Z"),
    ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "every year in week 20 on Monday at 09:00 Z"),
    ("FREQ=YEARLY;BYWEEKNO=-1", "every year in the last week of the year on Monday at 09:00 Z"),
    (
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4",
        (
            "every 4 years on the 2nd, the 3rd and the 4th if it is a Tuesday in November at "
            "09:00 Z, counted from 2025-01-06"
        ),
    ),
    (
        "FREQ=YEARLY;BYYEARDAY=100;BYDAY=MO",
        "every year on the 100th day of the year if it is a Monday at 09:00 Z",
    ),
    ("FREQ=HOURLY", "every hour, counted from 2025-01-06 09:00 Z"),
    ("FREQ=HOURLY;INTERVAL=2;BYDAY=MO", "every 2 hours on Monday, counted from 2025-01-06 09:00 Z"),
    (
        "FREQ=MINUTELY;INTERVAL=15;BYHOUR=9,10",
        "every 15 minutes while the hour is 9 or 10, counted from 2025-01-06 09:00 Z",
    ),
    ("FREQ=SECONDLY;INTERVAL=90", "every 90 seconds, counted from 2025-01-06 09:00 Z"),
    (
        "FREQ=HOURLY;BYMINUTE=0,30;BYSECOND=5;BYMONTHDAY=1;BYYEARDAY=1;BYMONTH=1",
        (
            "every hour at second 5 at minute 0 and 30 on the 1st on the 1st day of the year in "
            "January, counted from 2025-01-06 09:00 Z"
        ),
    ),
    (
        "FREQ=HOURLY;BYMINUTE=0,30,45;BYSETPOS=-1",
        "every hour at minute 0, 30 and 45, only the last of each hour, counted from 2025-01-06 09:00 Z",
    ),
    ("FREQ=DAILY;COUNT=1", "every day at 09:00 Z, once"),
    (
        "FREQ=DAILY;BYHOUR=1,2,3;BYSETPOS=-1",
        "every day, only the last of these, at 01:00, 02:00 and 03:00 Z; in the spring gap an hour later",
    ),
    (
        "FREQ=WEEKLY;BYDAY=MO,TU,WE;BYSETPOS=2",
        "every week on the second Monday, Tuesday or Wednesday at 09:00 Z",
    ),
]
CRONS = [
    ("30 9 * * *", "every day at 09:30 Z; in the spring gap at 10:30"),
    ("*/15 * * * *", "every 15 minutes Z"),
    ("* * * * *", "every minute Z"),
    ("0 * * * *", "every hour Z"),
    ("5,35 * * * *", "every hour at minute 5 and 35 Z"),
    (
        "*/10 9-17 * * 1-5",
        (
            "every 10 minutes, from 09:00 to 17:59, every weekday Z; in the spring gap an hour "
            "later; in the autumn fold both times"
        ),
    ),
    ("0 */2 * * *", "every 2 hours from 00:00 on Z; in the spring gap an hour later"),
    (
        "*/20 1,5 * * *",
        (
            "every day at 01:00, 01:20, 01:40, 05:00, 05:20 and 05:40 Z; in the spring gap an "
            "hour later; in the autumn fold both times"
        ),
    ),
    (
        "*/20 1,5,6 * * *",
        (
            "every 20 minutes, while the hour is 1, 5 or 6 Z; in the spring gap an hour later; "
            "in the autumn fold both times"
        ),
    ),
    ("0 0 1,L * *", "on the 1st and the last day of the month at 00:00 Z; in the spring gap at 01:00"),
    ("0 0 LW * *", "on the last weekday of the month at 00:00 Z; in the spring gap at 01:00"),
    (
        "0 9 15W,LW 3 *",
        (
            "on the weekday nearest to the 15th and the last weekday of the month in March at "
            "09:00 Z; in the spring gap at 10:00"
        ),
    ),
    ("0 9 * * MON#1", "on the first Monday at 09:00 Z; in the spring gap at 10:00"),
    ("0 9 * * 5L", "on the last Friday at 09:00 Z; in the spring gap at 10:00"),
    ("0 9 13 * 5", "on the 13th of the month, or on Friday at 09:00 Z; in the spring gap at 10:00"),
    ("0 9 */2 * 5", "on 16 days of the month if it is Friday at 09:00 Z; in the spring gap at 10:00"),
    (
        "0 0 * JAN-MAR mon",
        "every Monday in January, February and March at 00:00 Z; in the spring gap at 01:00",
    ),
    (
        "0,7,9 9-17 * * *",
        "every hour at minute 0, 7 and 9, from 09:00 to 17:59 Z; in the spring gap an hour later",
    ),
    ("*/15 * 1 * *", "every 15 minutes, on the 1st of the month Z"),
    ("0 0 * * *", "every day at 00:00 Z; in the spring gap at 01:00"),
    ("0 9 * * MON,WED#2", "on Monday and the second Wednesday at 09:00 Z; in the spring gap at 10:00"),
    ("0 0-23/3 * * *", "every 3 hours from 00:00 on Z; in the spring gap an hour later"),
    (
        "0 9 1 * */2",
        (
            "on the 1st of the month if it is Tuesday, Thursday, Saturday or Sunday at 09:00 Z; "
            "in the spring gap at 10:00"
        ),
    ),
]
DURATIONS = [
    ("PT30M", "every 30 minutes, counted from 2025-01-06 09:00 Z"),
    ("PT36H", "every 36 hours, counted from 2025-01-06 09:00 Z"),
    ("PT90S", "every 90 seconds, counted from 2025-01-06 09:00 Z"),
    ("P1D", "every day at 09:00 Z"),
    ("P2W", "every 2 weeks on Monday at 09:00 Z, counted from 2025-01-06"),
    ("P1M", "every month on the 6th at 09:00 Z"),
    ("P1Y6M", "every 18 months on the 6th at 09:00 Z, counted from 2025-01-06"),
    ("P3Y", "every 3 years on 6 January at 09:00 Z, counted from 2025-01-06"),
]
