using System.Globalization;
using System.Text;
using System.Xml;
using System.Xml.Linq;
using Iba.Engine.Files;

namespace Iba.Datasets;

/// <summary>Annotations as Pascal VOC's XML. Reading is bounded in size and depth, and neither expands nor fetches an entity.</summary>
internal static class AnnotationXml
{
    // ImageNet's largest annotations are some tens of kilobytes.
    private const int MaxBytes = 1 << 20;
    private const int MaxExtent = 1_000_000;
    private const int MaxDepth = 16;

    private static readonly UTF8Encoding PlainUtf8 = new(encoderShouldEmitUTF8Identifier: false);
    // A document type declaration is ignored, so a reference to an entity that it declares is an error.
    private static readonly XmlReaderSettings Untrusted = new() { DtdProcessing = DtdProcessing.Ignore, XmlResolver = null };

    // Registers the Windows and East Asian encodings that some annotation tools write.
    static AnnotationXml() => Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);

    public static Annotation Read(string path)
    {
        XElement root;
        try
        {
            using Stream file = Bytes(path);
            // Building the tree of a very deep document takes quadratic time, so the depth is checked first.
            using (XmlReader scout = XmlReader.Create(file, Untrusted))
            {
                while (scout.Read())
                {
                    if (scout.Depth > MaxDepth)
                        throw Malformed(path, $"its elements are nested more than {MaxDepth} deep");
                }
            }
            file.Position = 0;
            using XmlReader reader = XmlReader.Create(file, Untrusted);
            root = XDocument.Load(reader).Root!;
        }
        catch (XmlException e)
        {
            throw new DatasetException(
                path, $"not the XML of an annotation ({e.Message.TrimEnd('.')})", "Download or write the file again", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DatasetException(
                path, $"the file cannot be read ({e.Message.TrimEnd('.')})", "Check the path and its permissions", e);
        }

        if (root.Name != "annotation")
            throw Malformed(path, $"the outermost element is <{root.Name}>, not <annotation>");
        (int width, int height) = Size(path, root);
        return new Annotation(
            root.Element("filename")?.Value.Trim() ?? "", width, height, [.. root.Elements("object").Select(o => Object(path, o))]);
    }

    private static MemoryStream Bytes(string path)
    {
        // A pipe or a device has no length, and opening it could block forever.
        if (new FileInfo(File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path).Length == 0)
            throw new DatasetException(path, "it is empty or not a regular file", "Name a Pascal VOC .xml file");
        using FileStream file = File.OpenRead(path);
        byte[] bytes = new byte[Math.Min(file.Length, MaxBytes) + 1];
        int count = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return count <= MaxBytes ? new MemoryStream(bytes, 0, count)
            : throw new DatasetException(path, $"more than {MaxBytes:N0} bytes are too many for an annotation", "Name a Pascal VOC .xml file");
    }

    public static void Write(string path, Annotation annotation, CancellationToken cancel)
    {
        var layout = new XmlWriterSettings { Encoding = PlainUtf8, Indent = true, NewLineChars = "\n", OmitXmlDeclaration = true };
        AtomicFile.Write(path, stream =>
        {
            using (var xml = XmlWriter.Create(stream, layout))
            {
                new XElement("annotation",
                    new XElement("filename", annotation.FileName),
                    new XElement("size",
                        new XElement("width", annotation.Width), new XElement("height", annotation.Height), new XElement("depth", 3)),
                    annotation.Objects.Select(o => new XElement("object",
                        new XElement("name", o.Name),
                        new XElement("bndbox",
                            new XElement("xmin", o.Box.XMin), new XElement("ymin", o.Box.YMin),
                            new XElement("xmax", o.Box.XMax), new XElement("ymax", o.Box.YMax))))).Save(xml);
            }
            stream.WriteByte((byte)'\n');
        }, cancel);
    }

    private static AnnotatedObject Object(string path, XElement element) =>
        new(element.Element("name")?.Value.Trim() ?? "", Corners(path, Child(path, element, "bndbox")));

    private static Box Corners(string path, XElement box)
    {
        int x = Pixels(path, Child(path, box, "xmin")), otherX = Pixels(path, Child(path, box, "xmax"));
        int y = Pixels(path, Child(path, box, "ymin")), otherY = Pixels(path, Child(path, box, "ymax"));
        return new Box(Math.Min(x, otherX), Math.Min(y, otherY), Math.Max(x, otherX), Math.Max(y, otherY));
    }

    /// <summary>Width and height; both are 0 if the annotation does not give them.</summary>
    private static (int Width, int Height) Size(string path, XElement root)
    {
        if (root.Element("size") is not { } size)
            return (0, 0);
        (int width, int height) = (Pixels(path, Child(path, size, "width")), Pixels(path, Child(path, size, "height")));
        return (width > 0 && height > 0) || (width == 0 && height == 0) ? (width, height)
            : throw Malformed(path, $"its <size> is {width} x {height}: both must be above 0, or both 0 for the photo's own");
    }

    // Some annotations of Pascal VOC have fractions of a pixel. They are truncated, as in the conversion of a box to a mask.
    private static int Pixels(string path, XElement element)
    {
        string text = element.Value.Trim();
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && Math.Abs(number) <= MaxExtent
            ? (int)number
            : throw Malformed(path, $"<{element.Name.LocalName}> says \"{Short(text)}\", which is not a number of pixels");
    }

    private static XElement Child(string path, XElement parent, string name) =>
        parent.Element(name) ?? throw Malformed(path, $"<{parent.Name.LocalName}> has no <{name}>");

    private static string Short(string text) => text.Length <= 40 ? text : text[..40] + "...";

    private static DatasetException Malformed(string path, string reason) =>
        new(path, reason, "Use the layout of Pascal VOC: annotation/size and annotation/object/bndbox");
}
