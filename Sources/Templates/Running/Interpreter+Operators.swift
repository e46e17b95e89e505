#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Arithmetic and comparisons of Python.
extension Interpreter {
    private func overflow() -> TemplateError {
        .limit("an integer does not fit into 64 bits")
    }

    private func unsupported(_ op: Arithmetic, _ left: Value, _ right: Value) -> TemplateError {
        let name = op == .power ? "** or pow()" : op.rawValue
        return .type(
            "unsupported operand type(s) for \(name): '\(left.typeName)' and"
                + " '\(right.typeName)'")
    }

    func negated(_ value: Value) throws -> Value {
        switch value {
        case .undefined(let undefined): throw undefined.error
        case .float(let number): return .float(-number)
        default:
            guard let number = value.integer else {
                throw TemplateError.type("bad operand type for unary -: '\(value.typeName)'")
            }
            let (result, overflow) = (0).subtractingReportingOverflow(number)
            if overflow { throw self.overflow() }
            return .int(result)
        }
    }

    func positive(_ value: Value) throws -> Value {
        switch value {
        case .undefined(let undefined): throw undefined.error
        case .float: return value
        default:
            guard let number = value.integer else {
                throw TemplateError.type("bad operand type for unary +: '\(value.typeName)'")
            }
            return .int(number)
        }
    }

    /// `left op right`.
    func arithmetic(_ op: Arithmetic, _ left: Value, _ right: Value) throws -> Value {
        // A format takes in whatever there is.
        if op == .remainder, case .text(let format) = left {
            return .text(try PercentFormat.text(format, right, in: self))
        }
        for case .undefined(let undefined) in [left, right] { throw undefined.error }
        if let left = left.integer, let right = right.integer {
            return try arithmetic(op, left, right)
        }
        if let left = left.number, let right = right.number {
            return try arithmetic(op, left, right)
        }
        switch (op, left, right) {
        case (.add, .text(let first), .text(let second)):
            try take(first.count + second.count)
            return .text(Markup.joined(first, second))
        case (.add, .list(let first), .list(let second)):
            return .list(first.values + second.values)
        case (.add, .tuple(let first), .tuple(let second)):
            return .tuple(first.values + second.values)
        case (.add, .text, _):
            throw TemplateError.type(
                "can only concatenate str (not \"\(right.typeName)\") to str")
        case (.multiply, .text, _), (.multiply, .list, _), (.multiply, .tuple, _):
            return try repeated(left, right)
        case (.multiply, _, .text), (.multiply, _, .list), (.multiply, _, .tuple):
            return try repeated(right, left)
        default: throw unsupported(op, left, right)
        }
    }

    private func repeated(_ value: Value, _ count: Value) throws -> Value {
        guard let count = count.integer else {
            throw TemplateError.type(
                "can't multiply sequence by non-int of type '\(count.typeName)'")
        }
        let times = max(0, count)
        let (total, overflow) = size(value).multipliedReportingOverflow(by: times)
        try take(overflow ? .max : total)
        guard total > 0 else {
            switch value {
            case .text(let text): return .text(Text(isMarkup: text.isMarkup))
            case .tuple: return .tuple([])
            default: return .list([])
            }
        }
        switch value {
        case .text(let text):
            let units = (0..<times).flatMap { _ in text.units }
            return .text(Text(units: units, isMarkup: text.isMarkup))
        case .tuple(let items): return .tuple((0..<times).flatMap { _ in items.values })
        case .list(let items): return .list((0..<times).flatMap { _ in items.values })
        default: return value
        }
    }

    private func arithmetic(_ op: Arithmetic, _ left: Int, _ right: Int) throws -> Value {
        func checked(_ result: (partialValue: Int, overflow: Bool)) throws -> Value {
            if result.overflow { throw overflow() }
            return .int(result.partialValue)
        }
        switch op {
        case .add: return try checked(left.addingReportingOverflow(right))
        case .subtract: return try checked(left.subtractingReportingOverflow(right))
        case .multiply: return try checked(left.multipliedReportingOverflow(by: right))
        case .divide:
            guard right != 0 else { throw TemplateError.type("division by zero") }
            return .float(Double(left) / Double(right))
        case .floorDivide, .remainder:
            guard right != 0 else {
                throw TemplateError.type("integer division or modulo by zero")
            }
            let (quotient, overflow) = left.dividedReportingOverflow(by: right)
            if overflow {
                if op == .remainder { return .int(0) }
                throw self.overflow()
            }
            let remainder = left % right
            let rounds = remainder != 0 && (remainder < 0) != (right < 0)
            if op == .remainder { return .int(rounds ? remainder + right : remainder) }
            return .int(rounds ? quotient - 1 : quotient)
        case .power: return try power(left, right)
        }
    }

    private func power(_ base: Int, _ exponent: Int) throws -> Value {
        guard exponent >= 0 else {
            guard base != 0 else {
                throw TemplateError.type("0.0 cannot be raised to a negative power")
            }
            return .float(pow(Double(base), Double(exponent)))
        }
        if base == 0 || base == 1 { return .int(exponent == 0 ? 1 : base) }
        if base == -1 { return .int(exponent % 2 == 0 ? 1 : -1) }
        guard exponent < 64 else { throw overflow() }
        var result = 1
        for _ in 0..<exponent {
            let (product, isTooLarge) = result.multipliedReportingOverflow(by: base)
            if isTooLarge { throw overflow() }
            result = product
        }
        return .int(result)
    }

    private func arithmetic(_ op: Arithmetic, _ left: Double, _ right: Double) throws -> Value {
        switch op {
        case .add: return .float(left + right)
        case .subtract: return .float(left - right)
        case .multiply: return .float(left * right)
        case .divide:
            guard right != 0 else { throw TemplateError.type("float division by zero") }
            return .float(left / right)
        case .floorDivide, .remainder:
            guard right != 0 else {
                throw TemplateError.type(
                    op == .remainder ? "float modulo" : "float floor division by zero")
            }
            var remainder = fmod(left, right)
            var quotient = (left - remainder) / right
            if remainder != 0 {
                if (right < 0) != (remainder < 0) {
                    remainder += right
                    quotient -= 1
                }
            } else {
                remainder = right < 0 ? -0.0 : 0.0
            }
            if op == .remainder { return .float(remainder) }
            guard quotient != 0 else {
                return .float((left / right).sign == .minus ? -0.0 : 0.0)
            }
            let floor = quotient.rounded(.down)
            return .float(quotient - floor > 0.5 ? floor + 1 : floor)
        case .power:
            if left == 0, right < 0 {
                throw TemplateError.type("0.0 cannot be raised to a negative power")
            }
            let result = pow(left, right)
            if result.isInfinite, left.isFinite, right.isFinite {
                throw TemplateError.type("Numerical result out of range")
            }
            if result.isNaN, !left.isNaN, !right.isNaN {
                throw TemplateError.type("a complex number is not supported")
            }
            return .float(result)
        }
    }

    // MARK: Comparisons

    /// `left comparison right`.
    func compare(_ comparison: Comparison, _ left: Value, _ right: Value) throws -> Bool {
        switch comparison {
        case .equal: try equal(left, right)
        case .unequal: !(try equal(left, right))
        case .less: try less(left, right, "<")
        case .greater: try less(right, left, ">", swapped: true)
        case .lessOrEqual: try lessOrEqual(left, right, "<=")
        case .greaterOrEqual: try lessOrEqual(right, left, ">=", swapped: true)
        case .isIn: try contains(right, left)
        case .notIn: !(try contains(right, left))
        }
    }

    /// `left == right`.
    func equal(_ left: Value, _ right: Value) throws -> Bool {
        try step(1)
        switch (left, right) {
        case (.undefined, .undefined), (.none, .none): return true
        case (.text(let left), .text(let right)):
            try step(min(left.count, right.count) / 16)
            return left == right
        case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
            if left === right { return true }
            guard left.values.count == right.values.count else { return false }
            for (left, right) in zip(left.values, right.values)
            where !(try equal(left, right)) {
                return false
            }
            return true
        case (.dict(let left), .dict(let right)):
            if left === right { return true }
            guard left.count == right.count else { return false }
            for (key, value) in zip(left.keys, left.values) {
                guard let other = right[try key.key()], try equal(value, other) else {
                    return false
                }
            }
            return true
        case (.view(let left), .view(let right)):
            guard left.kind == right.kind, left.kind != .values else { return false }
            guard left.dict.count == right.dict.count else { return false }
            for element in left.elements
            where !(try contains(.list(right.elements), element)) {
                return false
            }
            return true
        case (.range(let left), .range(let right)):
            return left.count == right.count
                && (left.count == 0
                    || left.start == right.start
                        && (left.count == 1 || left.step == right.step))
        default:
            if let left = left.integer, let right = right.integer { return left == right }
            if let left = left.number, let right = right.number { return left == right }
            return same(left, right)
        }
    }

    /// Whether two values are one object.
    func same(_ left: Value, _ right: Value) -> Bool {
        switch (left, right) {
        case (.none, .none): true
        case (.bool(let left), .bool(let right)): left == right
        case (.int(let left), .int(let right)): left == right
        case (.text(let left), .text(let right)): left == right
        case (.undefined, .undefined): false
        case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
            left === right
        case (.dict(let left), .dict(let right)): left === right
        case (.namespace(let left), .namespace(let right)): left === right
        case (.macro(let left), .macro(let right)): left === right
        case (.function(let left), .function(let right)): left === right
        case (.loop(let left), .loop(let right)): left === right
        case (.object(let left), .object(let right)): left === right
        case (.iterator(let left), .iterator(let right)): left === right
        default: false
        }
    }

    private func unordered(
        _ op: String, _ left: Value, _ right: Value, _ swapped: Bool
    ) -> TemplateError {
        let (left, right) = swapped ? (right, left) : (left, right)
        for case .undefined(let undefined) in [left, right] { return undefined.error }
        return .type(
            "'\(op)' not supported between instances of '\(left.typeName)' and"
                + " '\(right.typeName)'")
    }

    /// `left < right`.
    func less(
        _ left: Value, _ right: Value, _ op: String = "<", swapped: Bool = false
    ) throws -> Bool {
        try step(1)
        switch (left, right) {
        case (.text(let left), .text(let right)):
            try step(min(left.count, right.count) / 16)
            return left.precedes(right)
        case (.list(let first), .list(let second)), (.tuple(let first), .tuple(let second)):
            for (left, right) in zip(first.values, second.values)
            where !(try equal(left, right)) {
                return try less(left, right, op, swapped: swapped)
            }
            return first.values.count < second.values.count
        default:
            if let left = left.integer, let right = right.integer { return left < right }
            if let left = left.number, let right = right.number { return left < right }
            throw unordered(op, left, right, swapped)
        }
    }

    private func lessOrEqual(
        _ left: Value, _ right: Value, _ op: String, swapped: Bool = false
    ) throws -> Bool {
        switch (left, right) {
        case (.text, .text): return !(try less(right, left))
        case (.list(let first), .list(let second)), (.tuple(let first), .tuple(let second)):
            for (left, right) in zip(first.values, second.values)
            where !(try equal(left, right)) {
                return try lessOrEqual(left, right, op, swapped: swapped)
            }
            return first.values.count <= second.values.count
        default:
            if let left = left.integer, let right = right.integer { return left <= right }
            if let left = left.number, let right = right.number { return left <= right }
            throw unordered(op, left, right, swapped)
        }
    }

    /// `element in container`.
    func contains(_ container: Value, _ element: Value) throws -> Bool {
        switch container {
        case .text(let text):
            guard case .text(let part) = element else {
                throw TemplateError.type(
                    "'in <string>' requires string as left operand, not \(element.typeName)")
            }
            try step((text.count + part.count) / 8)
            return text.firstIndex(of: part) != nil
        case .dict(let dict): return dict[try element.key()] != nil
        case .view(let view) where view.kind == .keys:
            return view.dict[try element.key()] != nil
        case .range(let range):
            guard let number = element.number, let wanted = Int(exactly: number) else {
                return false
            }
            let (distance, overflow) = wanted.subtractingReportingOverflow(range.start)
            guard !overflow, distance % range.step == 0 else { return false }
            return (0..<range.count).contains(distance / range.step)
        case .iterator(let iterator):
            while let value = try iterator.next() {
                if try equal(value, element) { return true }
            }
            return false
        case .list, .tuple, .view, .undefined, .loop:
            return try elements(of: container).contains { try equal($0, element) }
        default:
            throw TemplateError.type(
                "argument of type '\(container.typeName)' is not iterable")
        }
    }
}
