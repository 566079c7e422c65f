using System.Text;

namespace Iba.Engine.Files;

/// <summary>
/// The checksum that a .safetensors file may hold among its metadata: the SHA-256 of all bytes of the file, with zeros where its own digits stand. It
/// finds a byte that changed on the disk, and a file that was cut and filled up.
/// </summary>
internal static class SafetensorsChecksum
{
    private const int Digits = 64, BlockBytes = 1 << 20;

    /// <summary>What stands in the digits' place while the checksum is computed.</summary>
    public static readonly string Blank = new('0', Digits);

    /// <summary>Puts the checksum into a header that has the blank.</summary>
    /// <param name="length">The first 8 bytes of the file.</param>
    /// <param name="header">What follows them; changed in place.</param>
    /// <param name="data">What follows the header, part by part.</param>
    public static void Fill(ReadOnlySpan<byte> length, byte[] header, IEnumerable<ReadOnlyMemory<byte>> data)
    {
        using var hash = new Sha256Hash();
        hash.Add(length);
        hash.Add(header);
        foreach (ReadOnlyMemory<byte> part in data)
            hash.Add(part.Span);
        Encoding.ASCII.GetBytes(Convert.ToHexStringLower(hash.Take()), DigitsOf(Blank, header));
    }

    /// <summary>Refuses a file whose bytes are not those that were written.</summary>
    /// <exception cref="InvalidDataException">They are not.</exception>
    public static void Check(string checksum, FileContents contents, ReadOnlySpan<byte> header, CancellationToken cancel)
    {
        byte[] blank = header.ToArray(), block = new byte[BlockBytes];
        if (checksum.Length == Digits)
            DigitsOf(checksum, blank).Fill((byte)'0');
        using var hash = new Sha256Hash();
        contents.Read(block.AsSpan(0, 8), 0);
        hash.Add(block.AsSpan(0, 8));
        hash.Add(blank);
        for (long at = 8 + blank.Length; at < contents.Length;)
        {
            cancel.ThrowIfCancellationRequested();
            int part = (int)Math.Min(BlockBytes, contents.Length - at);
            contents.Read(block.AsSpan(0, part), at);
            hash.Add(block.AsSpan(0, part));
            at += part;
        }
        if (Convert.ToHexStringLower(hash.Take()) != checksum)
            throw new InvalidDataException("its checksum is not that of its bytes: they were changed after it was written");
    }

    /// <summary>Where the digits stand in a header as this program writes it; nowhere in another's.</summary>
    private static Span<byte> DigitsOf(string checksum, byte[] header)
    {
        byte[] wanted = Encoding.UTF8.GetBytes($"\"{SafetensorsFile.ChecksumKey}\":\"{checksum}\"");
        int at = header.AsSpan().IndexOf(wanted);
        return at < 0 ? [] : header.AsSpan(at + wanted.Length - 1 - Digits, Digits);
    }
}
