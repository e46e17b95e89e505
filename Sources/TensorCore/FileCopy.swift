#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file under another name, with its bytes on the disk once where the file system allows it.
public enum FileCopy {
    /// How a file came to its second name.
    public enum Manner: String, Sendable {
        /// It was there.
        case present = "was there"
        /// Both share blocks until one is written to.
        case clone = "shares its blocks"
        /// Both are one file.
        case link = "is linked"
        /// The bytes are there twice.
        case copy = "was copied"
    }

    /// Puts the file `source` at `destination`, where it appears when it is complete.
    ///
    /// A file of the same length that is there already is left.
    ///
    /// - Throws: `FileError`.
    /// - Complexity: O(bytes) where neither blocks nor the file can be shared.
    public static func place(_ source: String, at destination: String) throws(FileError) -> Manner {
        let input = try InputFile(path: source)
        if let found = FileIdentity(path: destination), found.byteCount == input.byteCount {
            return .present
        }
        let output = try OutputFile(path: destination)
        if clone(source, into: output) {
            try output.commit()
            return .clone
        }
        if try link(source, at: destination) { return .link }
        try output.reserve(input.byteCount)
        let scratch = ScratchBuffer()
        var offset = 0
        while offset < input.byteCount {
            let piece = unsafe scratch.bytes(min(1 << 22, input.byteCount - offset))
            try unsafe input.read(at: offset, into: piece)
            try unsafe output.write(UnsafeRawBufferPointer(piece), at: offset)
            offset += piece.count
        }
        try output.commit(byteCount: input.byteCount)
        return .copy
    }

    /// Lets `output` share the blocks of `source`, where the file system can.
    private static func clone(_ source: String, into output: OutputFile) -> Bool {
        #if canImport(Glibc)
            let descriptor = retrying { unsafe open(source, O_RDONLY | O_CLOEXEC) }
            guard descriptor >= 0 else { return false }
            defer { close(descriptor) }
            // FICLONE of linux/fs.h
            return ioctl(output.descriptor, 0x4004_9409, descriptor) == 0
        #else
            return false
        #endif
    }

    /// Gives `source` a second name; `false` where that cannot be.
    private static func link(_ source: String, at destination: String) throws(FileError) -> Bool {
        let place = try OutputPath.destination(of: destination)
        let (directory, name) = OutputPath.split(place)
        let temporary = "\(directory).\(name).\(getpid()).link"
        unsafe unlink(temporary)
        guard unsafe linkat(AT_FDCWD, source, AT_FDCWD, temporary, AT_SYMLINK_FOLLOW) == 0 else {
            return false
        }
        guard unsafe rename(temporary, place) == 0 else {
            let error = FileError.last("rename", path: destination)
            unsafe unlink(temporary)
            throw error
        }
        return true
    }
}
