#include "etl/quarantine.hpp"

#include "etl/identity.hpp"
#include "etl/load_rows.hpp"

namespace odetl {

void cut_record(std::string& record, std::string& reason) {
  if (record.size() <= kMaxRejectBytes) return;
  reason += " (the first " + std::to_string(kMaxRejectBytes) + " of " + std::to_string(record.size()) + " bytes are kept)";
  std::size_t cut = kMaxRejectBytes;
  while (cut > 0 && (static_cast<unsigned char>(record[cut]) & 0xC0) == 0x80) --cut;
  record.resize(cut);
}

RefusedRecord refused_record(const Batch& batch, std::uint32_t interaction, std::string_view why) {
  const Interaction& row = batch.interactions[interaction];
  RefusedRecord refused{{}, batch.users[row.user].user_id, std::string(why), record_of(row)};
  cut_record(refused.record, refused.reason);
  refused.id = reject_id(refused.user_id, refused.record, row.occurrence);
  return refused;
}

}  // namespace odetl
