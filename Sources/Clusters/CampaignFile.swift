/// A text of a campaign's folder.
struct CampaignFile {
    /// Its path in the folder.
    let name: String
    /// What it says.
    let text: String

    init(_ name: String, _ text: String) { (self.name, self.text) = (name, text) }
}
