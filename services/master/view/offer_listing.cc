#include "services/master/view/offer_listing.h"

#include <string>
#include <variant>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "services/master/view/encode_offer.h"
#include "services/master/view/encode_view.h"
#include "services/master/view/filter_checks.h"
#include "services/master/view/page_progress.h"

namespace meros::master {
namespace {

namespace pb = ::meros::v1::master;

absl::Status Check(const pb::ListOffersRequest& request) {
  if (request.has_framework_id()) {
    MEROS_RETURN_IF_ERROR(CheckFilterId("framework_id", request.framework_id().value()));
  }
  if (request.has_agent_id()) {
    MEROS_RETURN_IF_ERROR(CheckFilterId("agent_id", request.agent_id().value()));
  }
  return request.has_role() ? CheckFilterRole(request.role()) : absl::OkStatus();
}

bool HasRole(const OfferRef& offer, const std::string& role) { return offer->role == role; }
bool HasRole(const InverseOfferRef&, const std::string&) { return false; }

// `offer` is of either kind.
template <typename Ref>
bool Matches(const pb::ListOffersRequest& request, const Ref& offer) {
  return (!request.has_framework_id() ||
          request.framework_id().value() == offer->framework_id.value()) &&
         (!request.has_agent_id() || request.agent_id().value() == offer->agent_id.value()) &&
         (!request.has_role() || HasRole(offer, request.role()));
}

void EncodeContent(const Offer& offer, pb::OfferView* out) {
  Encode(offer, wire::ResourceFormat(), out->mutable_offer());
}
void EncodeContent(const InverseOffer& offer, pb::OfferView* out) {
  Encode(offer, out->mutable_inverse_offer());
}

template <typename Ref>
void EncodeOpen(const ClusterView& view, const Ref& offer, pb::OfferView* out) {
  EncodeContent(*offer, out);
  if (const FrameworkEntry* framework = view.FindFramework(offer->framework_id)) {
    out->set_framework_name(framework->record->subscription.info->name());
  }
  out->set_agent_hostname(offer->agent_info->hostname());
  out->set_made_time(SecondsOf(offer->made));
  out->set_expires_time(SecondsOf(offer->expires));
}

}  // namespace

absl::StatusOr<pb::ListOffersResponse> ListOffers(const ClusterView& view,
                                                  const pb::ListOffersRequest& request,
                                                  PageLimits limits) {
  MEROS_ASSIGN_OR_RETURN(const size_t size, PageSize(request.page_size()));
  MEROS_RETURN_IF_ERROR(Check(request));
  uint64_t last = 0;  // that was looked at; sequences begin at 1
  if (!request.page_token().empty() && !absl::SimpleAtoi(request.page_token(), &last)) {
    return absl::InvalidArgumentError("page_token: not one that this master gave");
  }
  pb::ListOffersResponse response;
  response.set_revision(view.revision());
  Progress progress{size, limits};
  for (auto it = view.offers().upper_bound(last); it != view.offers().end(); ++it) {
    const bool matches =
        std::visit([&](const auto& offer) { return Matches(request, offer); }, it->second);
    if (progress.ends_before(matches)) {
      response.set_next_page_token(absl::StrCat(last));
      break;
    }
    last = it->first;
    ++progress.examined;
    if (!matches) continue;
    ++progress.rows;
    pb::OfferView* out = response.add_offers();
    std::visit([&](const auto& offer) { EncodeOpen(view, offer, out); }, it->second);
    progress.bytes += out->ByteSizeLong();
  }
  return response;
}

}  // namespace meros::master
