using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace Fuzz;

/// <summary>PNG files: their checksums must be right, or a mutation is refused before it is read.</summary>
internal static class PngChunks
{
    private static readonly byte[] Signature = [0x89, .. "PNG\r\n\u001A\n"u8];

    public static byte[] File((string Type, byte[] Data)[] chunks)
    {
        byte[] file =
        [
            .. Signature,
            .. chunks.SelectMany(chunk => (byte[])[0, 0, 0, 0, .. Encoding.ASCII.GetBytes(chunk.Type), .. chunk.Data, 0, 0, 0, 0]),
        ];
        int at = Signature.Length;
        foreach ((_, byte[] data) in chunks)
        {
            BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(at), data.Length);
            at += 12 + data.Length;
        }
        MendChecksums(file);
        return file;
    }

    /// <summary>Makes the checksum of every whole chunk right. Files of other kinds stay as they are.</summary>
    public static void MendChecksums(Span<byte> file)
    {
        if (!file.StartsWith(Signature))
            return;
        for (long at = Signature.Length; at + 12 <= file.Length;)
        {
            Span<byte> chunk = file[(int)at..];
            long length = BinaryPrimitives.ReadUInt32BigEndian(chunk);
            if (length > chunk.Length - 12)
                return;
            BinaryPrimitives.WriteUInt32BigEndian(chunk[(int)(8 + length)..], Crc32.HashToUInt32(chunk.Slice(4, (int)(4 + length))));
            at += 12 + length;
        }
    }
}
