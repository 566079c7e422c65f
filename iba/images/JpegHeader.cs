using System.Buffers.Binary;

namespace Iba.Images;

/// <summary>The facts in a JPEG's markers that are needed before decoding (ITU T.81, annex B).</summary>
internal readonly record struct JpegHeader
{
    private const int BlockSide = 8, BlockBytes = 2 * BlockSide * BlockSide;
    private const byte FirstFrame = 0xC0, LastFrame = 0xCF, HuffmanTables = 0xC4, Extension = 0xC8, ArithmeticTables = 0xCC;
    private const byte FirstRestart = 0xD0, EndOfImage = 0xD9, StartOfScan = 0xDA, App1 = 0xE1;

    /// <summary>
    /// The bytes of the coefficients, which libjpeg keeps in memory, two bytes each, if a picture has more than one scan. 0 otherwise.
    /// </summary>
    public long CoefficientBytes { get; private init; }

    /// <summary>The number of blocks of 8 x 8 coefficients that all scans together visit; 0 if there is a single scan.</summary>
    public long BlockVisits { get; private init; }

    /// <summary>The EXIF orientation.</summary>
    public Orientation Orientation { get; private init; }

    /// <summary>Reads the markers of a file. Damage is ignored here; the decoder reports it.</summary>
    public static JpegHeader Read(ReadOnlySpan<byte> file)
    {
        Dictionary<byte, long> blocks = [];
        Orientation? orientation = null;
        bool progressive = false, manyScans = false;
        long visits = 0;
        for (int at = 2; Marker(file, ref at) is { } marker && marker != EndOfImage;)
        {
            if (marker is >= FirstRestart and < EndOfImage or <= 1)
                continue;
            int length = at + 2 <= file.Length ? BinaryPrimitives.ReadUInt16BigEndian(file[at..]) : 0;
            if (length < 2 || at + length > file.Length)
                break;
            ReadOnlySpan<byte> segment = file.Slice(at + 2, length - 2);
            at += length;
            if (marker == App1 && segment.StartsWith("Exif\0\0"u8))
                orientation ??= Exif.OrientationOf(segment);
            else if (marker == StartOfScan && segment.Length > 0)
            {
                int components = Math.Min(segment[0], (segment.Length - 1) / 2);
                manyScans |= components < blocks.Count;
                for (int i = 0; i < components; i++)
                    visits += blocks.GetValueOrDefault(segment[1 + 2 * i]);
            }
            else if (marker is >= FirstFrame and <= LastFrame and not (HuffmanTables or Extension or ArithmeticTables) && blocks.Count == 0)
            {
                progressive = marker % 4 == 2;
                Frame(segment, blocks);
            }
        }
        bool several = progressive || manyScans;
        return new JpegHeader
        {
            CoefficientBytes = several ? blocks.Values.Sum() * BlockBytes : 0,
            BlockVisits = several ? visits : 0,
            Orientation = orientation ?? Orientation.Upright,
        };
    }

    /// <summary>The blocks of each component, rounded up to whole minimum coded units.</summary>
    private static void Frame(ReadOnlySpan<byte> segment, Dictionary<byte, long> blocks)
    {
        if (segment.Length < 6)
            return;
        long height = BinaryPrimitives.ReadUInt16BigEndian(segment[1..]), width = BinaryPrimitives.ReadUInt16BigEndian(segment[3..]);
        int count = Math.Min(segment[5], (segment.Length - 6) / 3);
        int across = 1, down = 1;
        for (int i = 0; i < count; i++)
            (across, down) = (Math.Max(across, segment[7 + 3 * i] >> 4), Math.Max(down, segment[7 + 3 * i] & 15));
        for (int i = 0; i < count; i++)
        {
            (int h, int v) = (segment[7 + 3 * i] >> 4, segment[7 + 3 * i] & 15);
            blocks[segment[6 + 3 * i]] = Units(width, across) * h * Units(height, down) * v;
        }
        static long Units(long extent, int blocks) => (extent + BlockSide * blocks - 1) / (BlockSide * blocks);
    }

    /// <summary>Returns the next marker and moves past it: one or more bytes 0xFF and a byte that is not 0.</summary>
    private static byte? Marker(ReadOnlySpan<byte> file, ref int at)
    {
        while (at < file.Length)
        {
            int next = file[at..].IndexOf((byte)0xFF);
            if (next < 0)
                break;
            at += next;
            while (at < file.Length && file[at] == 0xFF)
                at++;
            if (at < file.Length && file[at++] is > 0 and byte marker)
                return marker;
        }
        return null;
    }
}
