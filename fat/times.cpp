#include "fat/times.h"

#include <algorithm>

namespace imgfs::fat {

Timestamp timestamp(std::uint16_t date, std::uint16_t time) {
  constexpr int kDaysBefore[16] = {0,   0,   31,  59,  90,  120, 151, 181,
                                   212, 243, 273, 304, 334, 0,   0,   0};
  constexpr std::int64_t kDaysTo1980 = 10 * 365 + 2;
  const int year = date >> 9;  // from 1980
  const int month = std::max(1, (date >> 5) & 0xf);
  const int day = std::max(1, date & 0x1f) - 1;
  constexpr int k2100 = 120;
  int leap_days = (year + 3) / 4 - (year > k2100 ? 1 : 0);
  if (year % 4 == 0 && year != k2100 && month > 2) ++leap_days;
  const std::int64_t days = kDaysTo1980 + year * 365 + leap_days + kDaysBefore[month] + day;
  const int seconds = (time >> 11) * 3600 + ((time >> 5) & 0x3f) * 60 + (time & 0x1f) * 2;
  return {days * 86400 + seconds, 0};
}

}  // namespace imgfs::fat
