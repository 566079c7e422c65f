using System.Diagnostics;
using System.Text;
using Iba.Datasets;
using Xunit;

namespace Tests.Datasets;

public class AnnotationTests
{
    private const string LikeImageNet = """
        <annotation>
            <folder>val</folder>
            <filename>ILSVRC2012_val_00000001</filename>
            <source><database>ILSVRC_2012</database></source>
            <size><width>500</width><height>375</height><depth>3</depth></size>
            <segmented>0</segmented>
            <object>
                <name>n01751748</name><pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult>
                <bndbox><xmin>111</xmin><ymin>108</ymin><xmax>441</xmax><ymax>193</ymax></bndbox>
            </object>
            <object>
                <name>n01751748</name>
                <bndbox><ymin> 2 </ymin><xmax>30.9</xmax><ymax>40</ymax><xmin>1</xmin></bndbox>
            </object>
        </annotation>
        """;

    private const string NoBox =
        "<annotation><filename/><size><width>1</width><height>1</height></size><object><name/></object></annotation>";

    [Fact]
    public void An_ImageNet_annotation_is_read()
    {
        Annotation read = Read(LikeImageNet);
        Assert.Equal(("ILSVRC2012_val_00000001", 500, 375), (read.FileName, read.Width, read.Height));
        Assert.Equal([new("n01751748", new Box(111, 108, 441, 193)), new("n01751748", new Box(1, 2, 30, 40))], read.Objects);
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        using var temporary = new TemporaryFolder();
        var annotation = new Annotation("a <&> b.png", 7, 9, [new("x & y", new Box(0, 1, 6, 9)), new("z", new Box(3, 3, 4, 4))]);
        annotation.Write(temporary["a.xml"]);
        Annotation read = Annotation.Read(temporary["a.xml"]);
        Assert.Equal((annotation.FileName, annotation.Width, annotation.Height), (read.FileName, read.Width, read.Height));
        Assert.Equal(annotation.Objects, read.Objects);
        byte[] bytes = File.ReadAllBytes(temporary["a.xml"]);
        Assert.Equal(((byte)'<', (byte)'\n'), (bytes[0], bytes[^1])); // no byte order mark
        Assert.DoesNotContain((byte)'\r', bytes);
    }

    [Theory, InlineData(0), InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5)]
    public void Boxes_become_the_mask_of_the_evaluation(int i)
    {
        GoldenFile golden = Golden.Open("metrics.safetensors");
        int[] image = Ints("image_size"), annotated = Ints("annotation_size");
        var annotation = new Annotation("", annotated[0], annotated[1],
            [.. Ints("boxes").Chunk(4).Select(b => new AnnotatedObject("", new Box(b[0], b[1], b[2], b[3])))]);
        Assert.Equal(golden.Scalar($"boxes.{i}.mask_pixels"), annotation.Mask(image[0], image[1]).Count(m => m == 255));

        int[] Ints(string field) => [.. golden.Longs($"boxes.{i}.{field}").Select(value => (int)value)];
    }

    [Fact]
    public void A_box_that_leaves_the_image_is_cut_and_one_turned_inside_out_is_empty()
    {
        byte[] mask = new Annotation("", 4, 4, [new("", new Box(-5, 2, 2, 99)), new("", new Box(3, 0, 1, 4))]).Mask(4, 4);
        Assert.Equal([0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 255, 255, 0, 0], mask);
    }

    [Fact]
    public void The_mask_is_the_union_of_the_boxes_filled_one_by_one()
    {
        var random = new Random(5);
        for (int i = 0; i < 200; i++)
        {
            (int width, int height) = (random.Next(1, 40), random.Next(1, 40));
            (int annotatedWidth, int annotatedHeight) = (random.Next(1, 60), random.Next(1, 60));
            AnnotatedObject[] objects = [.. Enumerable.Range(0, random.Next(8)).Select(_ =>
                new AnnotatedObject("", new Box(random.Next(-9, 70), random.Next(-9, 70), random.Next(-9, 70), random.Next(-9, 70))))];
            byte[] union = new byte[width * height];
            foreach (AnnotatedObject o in objects)
            {
                for (int y = Corner(o.Box.YMin, annotatedHeight, height); y < Corner(o.Box.YMax, annotatedHeight, height); y++)
                {
                    for (int x = Corner(o.Box.XMin, annotatedWidth, width); x < Corner(o.Box.XMax, annotatedWidth, width); x++)
                        union[y * width + x] = 255;
                }
            }
            Assert.Equal(union, new Annotation("", annotatedWidth, annotatedHeight, objects).Mask(width, height));
        }

        static int Corner(int corner, int annotated, int extent) => Math.Clamp((int)(extent * ((double)corner / annotated)), 0, extent);
    }

    [Fact]
    public void As_many_boxes_as_a_file_holds_cost_no_more_than_the_pixels_once()
    {
        // 10,000 boxes over all of 9 million pixels: filled one by one, 90 thousand million bytes.
        AnnotatedObject[] objects = [.. Enumerable.Repeat(new AnnotatedObject("", new Box(0, 0, 3000, 3000)), 10_000)];
        byte[] mask = new Annotation("", 3000, 3000, objects).Mask(3000, 3000);
        Assert.False(mask.AsSpan().ContainsAnyExcept((byte)255));
    }

    [Theory]
    [InlineData("", "it is empty")]
    [InlineData("no xml", "not the XML")]
    [InlineData("<annotation>", "not the XML")]
    [InlineData("<html/>", "<html>")]
    [InlineData("<annotation xmlns='urn:x'/>", "<{urn:x}annotation>, not <annotation>")]
    [InlineData("<annotation><filename/><size><width>1</width></size></annotation>", "no <height>")]
    [InlineData("<annotation><filename/><size><width>0</width><height>1</height></size></annotation>", "<size> is 0 x 1")]
    [InlineData("<annotation><filename/><size><width>-5</width><height>-5</height></size></annotation>", "<size> is -5 x -5")]
    [InlineData("<annotation><size><width>1,5</width><height>1</height></size></annotation>", "not a number of pixels")]
    [InlineData("<?xml version='1.0' encoding='no-such'?><annotation/>", "not the XML")]
    [InlineData("<?xml version='1.0' encoding='utf-16'?><annotation/>", "not the XML")]
    [InlineData("<annotation><filename/><size><width>NaN</width><height>1</height></size></annotation>", "not a number of pixels")]
    [InlineData("<annotation><filename/><size><width>1e300</width><height>1</height></size></annotation>", "not a number of pixels")]
    [InlineData(NoBox, "no <bndbox>")]
    public void What_is_no_annotation_is_a_clear_error(string xml, string reason) =>
        Assert.Contains(reason, Refusal(xml), StringComparison.Ordinal);

    [Fact]
    public void Entities_are_not_resolved()
    {
        const string Secret = "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/hostname'>]><annotation><filename>&x;</filename></annotation>";
        const string Laughs = "<!DOCTYPE a [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'>]><annotation>&b;</annotation>";
        Assert.Contains("undeclared entity 'x'", Refusal(Secret), StringComparison.Ordinal);
        Assert.Contains("undeclared entity 'b'", Refusal(Laughs), StringComparison.Ordinal);
    }

    [Fact]
    public void A_document_type_is_skipped_and_what_it_names_is_never_opened()
    {
        const string Box = "<object><name>cat</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object>";
        using var temporary = new TemporaryFolder();
        // A file that is no DTD: opening it would give an error.
        string outside = temporary.With("outside.dtd", "<<<"u8);
        Annotation read = Read($"<!DOCTYPE annotation SYSTEM '{outside}' [<!ENTITY % p SYSTEM '{outside}'> %p;]><annotation>{Box}</annotation>");
        Assert.Equal([new("cat", new Box(1, 2, 3, 4))], read.Objects);
    }

    [Theory, InlineData("utf-8"), InlineData("utf-16"), InlineData("utf-16BE"), InlineData("utf-32"),
        InlineData("iso-8859-1"), InlineData("windows-1252"), InlineData("us-ascii")]
    public void Every_usual_encoding_is_read(string name)
    {
        string xml = LikeImageNet.Replace("n01751748", name == "us-ascii" ? "gans" : "Gänse", StringComparison.Ordinal);
        Encoding encoding = Encoding.GetEncoding(name);
        foreach (bool mark in (bool[])[true, name is "iso-8859-1" or "windows-1252" or "us-ascii"])
        {
            byte[] declared = encoding.GetBytes($"<?xml version=\"1.0\" encoding=\"{name}\"?>{xml}");
            using var temporary = new TemporaryFolder();
            Annotation read = Annotation.Read(temporary.With("a.xml", mark ? [.. encoding.Preamble, .. declared] : declared));
            Assert.Equal([name == "us-ascii" ? "gans" : "Gänse", name == "us-ascii" ? "gans" : "Gänse"], read.Objects.Select(o => o.Name));
        }
    }

    [Theory]
    [InlineData("<size><width>0</width><height>0</height><depth>0</depth></size>")]
    [InlineData("")]
    public void Without_a_size_boxes_are_in_the_photos_own_pixels(string size)
    {
        Annotation read = Read($"<annotation>{size}<object><bndbox><xmin>1</xmin><ymin>0</ymin><xmax>3</xmax><ymax>2</ymax></bndbox></object></annotation>");
        Assert.Equal(("", 0, 0), (read.FileName, read.Width, read.Height));
        Assert.Equal([0, 255, 255, 0, 0, 255, 255, 0, 0, 0, 0, 0], read.Mask(4, 3));
    }

    [Fact]
    public void Corners_in_any_order_are_the_same_box() =>
        Assert.Equal(new Box(1, 2, 3, 4), Assert.Single(Read(
            "<annotation><object><bndbox><xmin>3</xmin><ymin>4</ymin><xmax>1</xmax><ymax>2</ymax></bndbox></object></annotation>").Objects).Box);

    [Fact]
    public void A_file_too_large_or_too_deep_is_refused()
    {
        Assert.Contains("too many for an annotation", Refusal("<annotation>" + new string(' ', 2 << 20)), StringComparison.Ordinal);
        // By recursion, or as a tree built without a look at its depth, this would end the process or take minutes.
        string deep = string.Concat(Enumerable.Repeat("<a>", 100_000)) + string.Concat(Enumerable.Repeat("</a>", 100_000));
        string refusal = Refusal($"<annotation><filename>{deep}</filename><size/></annotation>");
        Assert.Contains("nested more than", refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pipe_is_refused_and_not_waited_for()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no pipes in folders");
        using var temporary = new TemporaryFolder();
        Process.Start("mkfifo", temporary["a.xml"])!.WaitForExit();
        File.CreateSymbolicLink(temporary["link.xml"], temporary["a.xml"]);
        foreach (string name in (string[])["a.xml", "link.xml"])
            Assert.Contains("not a regular file", Assert.Throws<DatasetException>(() => Annotation.Read(temporary[name])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        using var temporary = new TemporaryFolder();
        var error = Assert.Throws<DatasetException>(() => Annotation.Read(temporary["none.xml"]));
        Assert.StartsWith(temporary["none.xml"], error.Message, StringComparison.Ordinal);
    }

    private static Annotation Read(string xml)
    {
        using var temporary = new TemporaryFolder();
        return Annotation.Read(temporary.With("a.xml", Encoding.UTF8.GetBytes(xml)));
    }

    private static string Refusal(string xml) => Assert.Throws<DatasetException>(() => Read(xml)).Message;
}
