/// Words that are a token of their own in most vocabularies.
enum PromptWords {
    /// Common English words, each once.
    static let all: [String] = """
        time year people way day man thing woman life child world school state family student group
        country problem hand part place case week company system program question work government
        number night point home water room mother area money story fact month lot right study book
        eye job word business issue side kind head house service friend father power hour game line
        end member law car city community name president team minute idea kid body information back
        parent face others level office door health person art war history party result change
        morning reason research girl guy moment air teacher force education foot boy age policy
        process music market sense nation plan college interest death experience effect use class
        control field development role effort rate heart drug show leader light voice wife police
        mind price report decision son view relationship town road arm difference value building
        action model season society tax director position player record paper space ground form
        event official matter center couple site project activity star table need court oil half
        situation cost industry figure street image phone data picture practice piece land product
        doctor wall patient worker news test movie north love step order south green white black red
        blue small large long short high low old new good great little own other last next first
        second third early late young important public bad same able open free full strong hard
        simple clear deep wide cold warm dark fast slow quick calm a in on at to of and or but not
        with from by for as is was be are were have has had do does did will would can could may
        might must should go come take make see know get give find think tell become leave feel put
        bring begin keep hold write stand hear let mean set meet run pay sit speak lie lead read
        grow lose fall send build cut reach kill stay walk win offer remember consider appear buy
        wait serve die expect spend
        """.split(whereSeparator: \.isWhitespace).map(String.init)
}
