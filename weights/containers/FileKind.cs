using System.Text;

namespace Iba.Weights.Containers;

/// <summary>Recognises a file by its first bytes; names and extensions are ignored.</summary>
internal static class FileKind
{
    private const int Prefix = 512;   // as far as a mark of any kind lies
    private const string FetchAgain = "Fetch it again, and compare its size with the source's.";

    /// <exception cref="NotWeightsException">It does not contain weights; the message says what it is instead.</exception>
    public static WeightsFormat Detect(ReadOnlySpan<byte> start)
    {
        start = start[..Math.Min(start.Length, Prefix)];
        if (start.StartsWith("PK\x3\x4"u8))
            return WeightsFormat.TorchZip;
        // This comes first: the length of a header may begin with a pickle's first byte, but no PyTorch file has a 0 and a brace here.
        if (start is [_, _, _, _, _, _, _, 0, (byte)'{', ..])
            return WeightsFormat.Safetensors;
        if (start is [0x80, ..])
            return WeightsFormat.TorchStream;
        if (start.TrimStart(" \t\r\n"u8) is [(byte)'{', ..])
            return WeightsFormat.ShardedSafetensors;
        throw Else(start);
    }

    private static NotWeightsException Else(ReadOnlySpan<byte> start)
    {
        if (start.Length == 0)
            return new("empty", FetchAgain);
        if (start.Length > 262 && start[257..].StartsWith("ustar"u8))
            return new("a tar archive; PyTorch wrote those before 0.1.10",
                "Save it again with PyTorch: torch.save(torch.load(FILE), 'weights.pth'). Any other tar must be unpacked first.");
        if (start is [0x1f, 0x8b, ..])
            return new("gzip-compressed", "Unpack it with gunzip first.");
        if (start is [0x89, (byte)'H', (byte)'D', (byte)'F', ..])
            return new("an HDF5 file, as Keras writes", "Take the PyTorch weights of the network.");
        if (start is [(byte)'P', (byte)'K', ..])
            return new("an empty or split zip archive", FetchAgain);

        string text = Encoding.Latin1.GetString(start).TrimStart('\u00EF', '\u00BB', '\u00BF', ' ', '\t', '\r', '\n');
        if (text.StartsWith("version https://git-lfs", StringComparison.Ordinal))
            return new("a git-lfs pointer, not the file it stands for", "Run `git lfs pull` where it came from, or fetch the file itself.");
        if (text.StartsWith("<!doctype", StringComparison.OrdinalIgnoreCase) || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase)
            || text.StartsWith("<?xml", StringComparison.Ordinal))
            return new("a web page, probably an error message saved under this name", FetchAgain);
        return new("neither a PyTorch file nor a safetensors file", "Give a .pth or .safetensors file with a state dict.");
    }
}
