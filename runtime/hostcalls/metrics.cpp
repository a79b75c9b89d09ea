// lunatic::metrics (ABI document 2.8): `counter` adds, whatever its documentation says (ABI defect 57).
#include "runtime/hostcalls/areas.h"
#include "runtime/hostcalls/bind.h"
#include "runtime/hostcalls/metric_table.h"
#include "runtime/vm.h"

namespace lunabeam::runtime::hostcalls {
namespace {

MetricTable& metrics_of(Process& self) { return self.scheduler->vm().metrics(); }

Outcome<void> counter(Process& self, GuestText name, u64 value) {
  metrics_of(self).add_to_counter(name.text, value);
  return Done{};
}

Outcome<void> increment_counter(Process& self, GuestText name) { return counter(self, name, 1); }

Outcome<void> gauge(Process& self, GuestText name, f64 value) {
  metrics_of(self).set_gauge(name.text, value);
  return Done{};
}

Outcome<void> increment_gauge(Process& self, GuestText name, f64 value) {
  metrics_of(self).add_to_gauge(name.text, value);
  return Done{};
}

Outcome<void> decrement_gauge(Process& self, GuestText name, f64 value) { return increment_gauge(self, name, -value); }

Outcome<void> histogram(Process& self, GuestText name, f64 value) {
  metrics_of(self).record(name.text, value);
  return Done{};
}

constexpr vm::HostFunction kFunctions[] = {
    bind<"metrics", "counter", counter>(),
    bind<"metrics", "increment_counter", increment_counter>(),
    bind<"metrics", "gauge", gauge>(),
    bind<"metrics", "increment_gauge", increment_gauge>(),
    bind<"metrics", "decrement_gauge", decrement_gauge>(),
    bind<"metrics", "histogram", histogram>(),
};

}  // namespace

std::span<const vm::HostFunction> metric_functions() { return kFunctions; }

}  // namespace lunabeam::runtime::hostcalls
