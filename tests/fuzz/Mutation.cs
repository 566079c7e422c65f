using System.Buffers.Binary;
using System.Text;

namespace Fuzz;

/// <summary>Changes files at random; the same seed gives the same changes.</summary>
/// <param name="seed">Of the random numbers.</param>
/// <param name="words">Tokens of the files.</param>
public sealed class Mutation(int seed, string[] words)
{
    private const int MostBytes = 1 << 16;

    private static readonly long[] Numbers =
    [
        0, 1, -1, 2, 7, 8, 16, 127, 128, 255, 256, 32767, 32768, 65535, 65536, int.MaxValue, int.MinValue, uint.MaxValue, long.MaxValue,
    ];

    private readonly Random _random = new(seed);
    private readonly byte[][] _words = [.. words.Select(Encoding.Latin1.GetBytes)];

    /// <summary>A file chosen from several.</summary>
    public byte[] Choose(IReadOnlyList<byte[]> files) => files[_random.Next(files.Count)];

    /// <summary>Changes a file in one to eight ways, taking parts of another now and then.</summary>
    public byte[] Change(byte[] file, byte[] other)
    {
        List<byte> bytes = [.. file];
        for (int n = 1 << _random.Next(4); n > 0; n--)
            Once(bytes, other);
        if (bytes.Count > MostBytes)
            bytes.RemoveRange(MostBytes, bytes.Count - MostBytes);
        byte[] changed = [.. bytes];
        if (_random.Next(4) > 0)
            PngChunks.MendChecksums(changed);
        return changed;
    }

    private void Once(List<byte> bytes, byte[] other)
    {
        int at = _random.Next(bytes.Count + 1), left = bytes.Count - at;
        // Short parts more often than long ones.
        int some = Math.Min(left, 1 << _random.Next(1 + _random.Next(12)));
        switch (_random.Next(10))
        {
            case 0 when left > 0:
                bytes[at] ^= (byte)(1 << _random.Next(8));
                break;
            case 1 when left > 0:
                bytes[at] = (byte)_random.Next(256);
                break;
            case 2 when left > 0:
                bytes[at] += (byte)_random.Next(-16, 17);
                break;
            case 3:
                Number(bytes, at);
                break;
            case 4:
                bytes.RemoveRange(at, some);
                break;
            case 5:
                bytes.InsertRange(at, bytes.GetRange(at, some));
                break;
            case 6 when bytes.Count < MostBytes:
                byte[] repeated = [.. bytes.Skip(at).Take(Math.Min(some, 64))];
                for (int n = _random.Next(1, 100); n > 0; n--)
                    bytes.InsertRange(at, repeated);
                break;
            case 7 when other.Length > 0:
                int from = _random.Next(other.Length);
                bytes.InsertRange(at, other[from..Math.Min(other.Length, from + Math.Max(some, 8))]);
                break;
            case 8:
                byte[] word = _words[_random.Next(_words.Length)];
                if (_random.Next(2) == 0)
                    bytes.RemoveRange(at, Math.Min(left, word.Length));
                bytes.InsertRange(at, word);
                break;
            case 9 when _random.Next(4) == 0:
                bytes.RemoveRange(at, left);
                break;
        }
    }

    private void Number(List<byte> bytes, int at)
    {
        byte[] number = new byte[8];
        long value = Numbers[_random.Next(Numbers.Length)];
        int size = 1 << _random.Next(4);
        if (_random.Next(2) == 0)
            BinaryPrimitives.WriteInt64LittleEndian(number, value);
        else
        {
            BinaryPrimitives.WriteInt64BigEndian(number, value);
            number = number[(8 - size)..];
        }
        for (int i = 0; i < size && at + i < bytes.Count; i++)
            bytes[at + i] = number[i];
    }
}
