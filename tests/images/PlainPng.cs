namespace Tests.Images;

/// <summary>The textbook version of what PNG files need, to judge the writer and to make strange files.</summary>
internal static class PlainPng
{
    /// <summary>CRC-32 bit by bit, PNG annex D.</summary>
    public static uint Crc(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320);
        }
        return ~crc;
    }
}
