using System.Buffers.Binary;

namespace Iba.Images;

/// <summary>How a camera stored its picture: the EXIF orientation tag (0x0112). Each name is the operation that makes the picture upright.</summary>
public enum Orientation
{
    /// <summary>No operation.</summary>
    Upright = 1,
    /// <summary>Mirrored horizontally.</summary>
    MirrorHorizontally = 2,
    /// <summary>Rotated by 180°.</summary>
    RotateHalf = 3,
    /// <summary>Mirrored vertically.</summary>
    MirrorVertically = 4,
    /// <summary>Transposed: rows become columns.</summary>
    Transpose = 5,
    /// <summary>Rotated by 90° clockwise: a phone held upright.</summary>
    RotateClockwise = 6,
    /// <summary>Transposed along the other diagonal.</summary>
    Transverse = 7,
    /// <summary>Rotated by 90° counter-clockwise.</summary>
    RotateCounterclockwise = 8,
}

/// <summary>The part of EXIF that gives a picture's orientation.</summary>
internal static class Exif
{
    private const int OrientationTag = 0x0112, Short = 3;

    /// <summary>The orientation in an EXIF block: a TIFF header and its first directory. Upright if it has none.</summary>
    public static Orientation OrientationOf(ReadOnlySpan<byte> block)
    {
        if (block.StartsWith("Exif\0\0"u8))
            block = block[6..];
        bool little = block.StartsWith("II*\0"u8);
        if (block.Length < 8 || !little && !block.StartsWith("MM\0*"u8))
            return Orientation.Upright;
        uint directory = little ? BinaryPrimitives.ReadUInt32LittleEndian(block[4..]) : BinaryPrimitives.ReadUInt32BigEndian(block[4..]);
        if (directory > block.Length - 2)
            return Orientation.Upright;
        ReadOnlySpan<byte> entries = block[((int)directory + 2)..];
        int count = Math.Min(Number(block[(int)directory..]), entries.Length / 12);
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> entry = entries.Slice(12 * i, 12);
            if (Number(entry) == OrientationTag && Number(entry[2..]) == Short && Number(entry[8..]) is >= 1 and <= 8 and int orientation)
                return (Orientation)orientation;
        }
        return Orientation.Upright;

        int Number(ReadOnlySpan<byte> at) =>
            little ? BinaryPrimitives.ReadUInt16LittleEndian(at) : BinaryPrimitives.ReadUInt16BigEndian(at);
    }
}

/// <summary>From a stored picture to the upright one: mirrored first, then transposed.</summary>
internal readonly struct Upright(Orientation orientation)
{
    /// <summary>Whether stored rows are upright columns.</summary>
    public bool Transposed { get; } = orientation >= Orientation.Transpose;

    /// <summary>Whether a stored row is to be read from its end.</summary>
    public bool FromRight { get; } = orientation is Orientation.MirrorHorizontally or Orientation.RotateHalf
        or Orientation.Transverse or Orientation.RotateCounterclockwise;

    /// <summary>Whether the stored rows are to be read from the last.</summary>
    public bool FromBottom { get; } = orientation is Orientation.RotateHalf or Orientation.MirrorVertically
        or Orientation.RotateClockwise or Orientation.Transverse;

    /// <summary>The extents of one picture from those of the other.</summary>
    public (int Width, int Height) Extents(int width, int height) => Transposed ? (height, width) : (width, height);
}
