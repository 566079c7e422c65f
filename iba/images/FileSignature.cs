using System.Text;
using SkiaSharp;

namespace Iba.Images;

/// <summary>The format of a file according to its first bytes, independent of its name.</summary>
internal static class FileSignature
{
    /// <summary>The number of first bytes that are examined.</summary>
    public const int Length = 4096;

    private const string ToJpeg = "Convert it to JPEG or PNG", Develop = "Develop it to JPEG or PNG", Unpack = "Unpack it first";
    private const string TryAnother = "Name a JPEG, PNG, WebP, BMP or GIF file";

    private static readonly string[] Known = ["\x89PNG\r\n\x1A\n", "GIF87a", "GIF89a", "RIFF", "\xFF\xD8\xFF"];

    // Offset of the signature, the signature as Latin-1, what the file is, and the next step. The first match counts.
    private static readonly (int At, string Bytes, string What, string NextStep)[] Others =
    [
        (4, "ftypavif", "an AVIF image", ToJpeg), (4, "ftypavis", "an AVIF image", ToJpeg),
        (4, "ftyphei", "a HEIC image", ToJpeg), (4, "ftyphev", "a HEIC image", ToJpeg),
        (4, "ftypmif1", "a HEIF image", ToJpeg), (4, "ftypmsf1", "a HEIF image", ToJpeg),
        (4, "ftypcrx ", "a camera's raw file (CR3)", Develop),
        (4, "ftyp", "a video (MP4 or QuickTime)", "Take a frame of it as JPEG or PNG"),
        (0, "II*\0\x10\0\0\0CR", "a camera's raw file (CR2)", Develop),
        (0, "FUJIFILMCCD-RAW", "a camera's raw file (RAF)", Develop), (0, "IIU\0", "a camera's raw file (RW2)", Develop),
        (0, "IIRO", "a camera's raw file (ORF)", Develop), (0, "IIRS", "a camera's raw file (ORF)", Develop),
        (0, "MMOR", "a camera's raw file (ORF)", Develop), (0, "FOVb", "a camera's raw file (X3F)", Develop),
        (0, "II*\0", "a TIFF image, or a camera's raw file built on TIFF (NEF, DNG, ARW)", ToJpeg),
        (0, "MM\0*", "a TIFF image, or a camera's raw file built on TIFF (NEF, DNG, ARW)", ToJpeg),
        (0, "II+\0", "a BigTIFF image", ToJpeg), (0, "MM\0+", "a BigTIFF image", ToJpeg),
        (0, "\xFF\x0A", "a JPEG XL image", ToJpeg), (0, "\0\0\0\x0CJXL ", "a JPEG XL image", ToJpeg),
        (0, "\0\0\0\x0CjP  ", "a JPEG 2000 image", ToJpeg), (0, "\xFF\x4F\xFF\x51", "a JPEG 2000 image", ToJpeg),
        (0, "\xFF\xD8\xFF\xF7", "a JPEG-LS image", ToJpeg), (0, "II\xBC", "a JPEG XR image", ToJpeg),
        (0, "8BPS", "a Photoshop file (PSD)", ToJpeg), (0, "gimp xcf", "a GIMP file (XCF)", ToJpeg),
        (0, "\x76\x2F\x31\x01", "an OpenEXR image", ToJpeg), (0, "#?RADIANCE", "a Radiance HDR image", ToJpeg),
        (0, "DDS ", "a DDS texture", ToJpeg), (0, "qoif", "a QOI image", ToJpeg), (0, "BPG\xFB", "a BPG image", ToJpeg),
        (0, "\x8AMNG", "an MNG animation", ToJpeg), (0, "\x8BJNG", "a JNG image", ToJpeg), (128, "DICM", "a DICOM image", ToJpeg),
        (0, "\0\0\x01\0", "an icon (ICO)", ToJpeg), (0, "\0\0\x02\0", "a cursor (CUR)", ToJpeg), (0, "icns", "an icon (ICNS)", ToJpeg),
        (0, "%PDF-", "a PDF document", "Export the picture from it as JPEG or PNG"),
        (0, "%!PS", "a PostScript file", "Render it to PNG"), (0, "\xC5\xD0\xD3\xC6", "an EPS file", "Render it to PNG"),
        (0, "\x93NUMPY", "a NumPy array", "Save it as PNG"), (0, "\x89HDF", "an HDF5 file", "Save its pictures as PNG"),
        (0, "\0\x05\x16\x07", "the extra data that macOS writes beside a file (AppleDouble)", "Name the file without \"._\" in front"),
        (0, "\x1F\x8B", "packed with gzip", Unpack), (0, "PK\x03\x04", "a ZIP archive", Unpack), (0, "7z\xBC\xAF", "a 7z archive", Unpack),
        (0, "Rar!", "a RAR archive", Unpack), (0, "\u00FD7zXZ", "packed with xz", Unpack), (0, "BZh", "packed with bzip2", Unpack),
        (0, "\x28\xB5\x2F\xFD", "packed with Zstandard", Unpack),
        (0, "version https://git-lfs", "a Git LFS pointer: the photo itself was not fetched", "Run: git lfs pull"),
        (0, "\x89PNG\n", "a PNG whose line ends were converted as if it were text", "Fetch or copy it again, as binary"),
    ];

    // Beginnings of texts in lower case, after leading blanks.
    private static readonly (string Start, string What, string NextStep)[] Texts =
    [
        ("<svg", "an SVG drawing", "Render it to PNG"),
        ("<!doctype html", "a web page", "Fetch the photo itself: a server may have sent the page in its place"),
        ("<html", "a web page", "Fetch the photo itself: a server may have sent the page in its place"),
        ("{", "JSON text", "Fetch the photo itself: a server may have sent a message in its place"),
        ("[", "JSON text", "Fetch the photo itself: a server may have sent a message in its place"),
        ("<", "XML text", "Fetch the photo itself: a server may have sent a message in its place"),
    ];

    /// <summary>The format of an image that can be decoded.</summary>
    /// <exception cref="ImageException">The file is empty or of another format; the message says which.</exception>
    public static SKEncodedImageFormat Of(ReadOnlySpan<byte> file, string source)
    {
        if (file.IsEmpty)
            throw new ImageException(source, "the file is empty", TryAnother);
        string start = Encoding.Latin1.GetString(file[..Math.Min(file.Length, Length)]);
        if (start.StartsWith("\x89PNG\r\n\x1A\n", StringComparison.Ordinal))
            return SKEncodedImageFormat.Png;
        if (start.StartsWith("GIF87a", StringComparison.Ordinal) || start.StartsWith("GIF89a", StringComparison.Ordinal))
            return SKEncodedImageFormat.Gif;
        if (start.StartsWith("RIFF", StringComparison.Ordinal) && Has(start, 8, "WEBP"))
            return SKEncodedImageFormat.Webp;
        foreach ((int at, string bytes, string what, string nextStep) in Others)
        {
            if (Has(start, at, bytes))
                throw new ImageException(source, $"the file is {what}", nextStep);
        }
        if (start.StartsWith("\xFF\xD8\xFF", StringComparison.Ordinal))
            return SKEncodedImageFormat.Jpeg;
        // A text may begin with "BM", too. In a BMP, the four bytes after its size are 0.
        if (start.StartsWith("BM", StringComparison.Ordinal) && !IsText(start))
            return SKEncodedImageFormat.Bmp;
        throw Unknown(start, file.Length, source);
    }

    private static ImageException Unknown(string start, int length, string source)
    {
        if (length < 12 && Known.Any(mark => mark.StartsWith(start, StringComparison.Ordinal)))
            return new ImageException(source, $"the file is truncated: it ends after {length} bytes", "Fetch or copy it again");
        if (start.All(c => c == '\0'))
            return new ImageException(source, "the file contains only zeros, as after an interrupted copy", "Fetch or copy it again");
        if (!IsText(start))
            return new ImageException(source, "the file is not an image of a known format", TryAnother);
        string text = start.TrimStart('\u00EF', '\u00BB', '\u00BF', ' ', '\t', '\r', '\n').ToLowerInvariant();
        bool drawing = text.StartsWith('<') && text.Contains("<svg");
        foreach ((string begin, string what, string nextStep) in Texts)
        {
            if (text.StartsWith(begin, StringComparison.Ordinal) && (begin != "<" || !drawing))
                return new ImageException(source, $"the file is {what}, not a photo", nextStep);
        }
        return drawing
            ? new ImageException(source, "the file is an SVG drawing, not a photo", "Render it to PNG")
            : new ImageException(source, "the file is a text, not an image of a known format", TryAnother);
    }

    private static bool Has(string start, int at, string bytes) =>
        start.Length >= at + bytes.Length && string.CompareOrdinal(start, at, bytes, 0, bytes.Length) == 0;

    private static bool IsText(string start) => start.All(c => c >= ' ' || c is '\t' or '\r' or '\n' or '\f');
}
