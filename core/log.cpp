#include "core/log.h"

#include <atomic>
#include <fstream>
#include <iostream>

#include <boost/core/null_deleter.hpp>
#include <boost/log/core.hpp>
#include <boost/log/expressions.hpp>
#include <boost/log/sinks/sync_frontend.hpp>
#include <boost/log/sinks/text_ostream_backend.hpp>
#include <boost/log/sources/record_ostream.hpp>
#include <boost/log/sources/logger.hpp>
#include <boost/log/support/date_time.hpp>
#include <boost/log/utility/setup/common_attributes.hpp>
#include <boost/make_shared.hpp>

#include "core/text.h"

namespace imgfs {
namespace {

namespace logging = boost::log;

std::atomic<LogLevel> enabled_level{LogLevel::off};

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warning: return "warning";
    case LogLevel::error: return "error";
    case LogLevel::off: break;
  }
  return "off";
}

}  // namespace

bool start_log(const LogOptions& options, std::string& problem) {
  using Backend = logging::sinks::text_ostream_backend;
  const auto backend = boost::make_shared<Backend>();
  if (options.file.empty()) {
    backend->add_stream(boost::shared_ptr<std::ostream>(&std::clog, boost::null_deleter()));
  } else {
    const auto file = boost::make_shared<std::ofstream>(options.file, std::ios::app);
    if (!*file) {
      problem = "cannot open the log file " + printable(options.file);
      return false;
    }
    backend->add_stream(file);
  }
  backend->auto_flush(true);
  // A synchronous sink: it has no thread, so it survives the forks between opening and serving.
  const auto sink = boost::make_shared<logging::sinks::synchronous_sink<Backend>>(backend);
  namespace expr = logging::expressions;
  sink->set_formatter(expr::stream << expr::format_date_time<boost::posix_time::ptime>(
                                          "TimeStamp", "%Y-%m-%dT%H:%M:%S")
                                   << " imgfs " << expr::smessage);
  logging::core::get()->add_sink(sink);
  logging::add_common_attributes();
  enabled_level = options.level;
  return true;
}

bool logs(LogLevel level) { return level != LogLevel::off && level >= enabled_level.load(); }

void log(LogLevel level, std::string_view line) {
  if (!logs(level)) return;
  logging::sources::logger_mt logger;
  if (logging::record record = logger.open_record()) {
    logging::record_ostream stream(record);
    stream << level_name(level) << ": " << printable(line);
    stream.flush();
    logger.push_record(std::move(record));
  }
}

}  // namespace imgfs
