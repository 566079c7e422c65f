using System.Text.Encodings.Web;
using System.Text.Json;
using Iba.Datasets;
using Iba.Engine;
using Iba.Engine.Files;
using Iba.Images;
using Iba.Relevance;
using Iba.Statistics;
using Xunit;

namespace Tests.Engine;

public sealed class ForeignTextTests
{
    private static readonly JsonSerializerOptions Unescaped = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [Theory]
    [InlineData("a\nb\r\tc", @"a\u000Ab\u000D\u0009c")]
    [InlineData("\u001b]0;title\u0007", @"\u001B]0;title\u0007")]
    [InlineData("\u009b31m\u007f", @"\u009B31m\u007F")]
    [InlineData("gpj.\u202egnp", @"gpj.\u202Egnp")]
    [InlineData("\u2066\u2069\u061c\u200f", @"\u2066\u2069\u061C\u200F")]
    [InlineData("a\u200bb\u200d\ufeff\u00ad", @"a\u200Bb\u200D\uFEFF\u00AD")]
    [InlineData("line\u2028paragraph\u2029", @"line\u2028paragraph\u2029")]
    [InlineData("\ufffe\uffff\ufdd0", @"\uFFFE\uFFFF\uFDD0")]
    [InlineData("\udb40\udc41", @"\uDB40\uDC41")]
    [InlineData("", "")]
    [InlineData("photo 1.png", "photo 1.png")]
    [InlineData("Größe, 猫, кот, 🐈, e\u0301, \\n", "Größe, 猫, кот, 🐈, e\u0301, \\n")]
    public void What_steers_a_terminal_or_reorders_text_is_escaped_and_nothing_else(string text, string harmless) =>
        Assert.Equal(harmless, ForeignText.Harmless(text));

    // A test of its own, because data of a theory go through UTF-8, which has no lone surrogates.
    [Fact]
    public void A_lone_surrogate_is_escaped() => Assert.Equal(@"\uD800x\uDC00", ForeignText.Harmless("\ud800x\udc00"));

    [Fact]
    public void A_line_of_JSON_means_the_same_afterwards()
    {
        string text = "gpj.\u202egnp\u200b\u2028\u0085\u001b \"q\" \\ 🐈\udb40\udc41";
        string line = ForeignText.Harmless(JsonSerializer.Serialize(text, Unescaped));
        Assert.Equal(text, JsonSerializer.Deserialize<string>(line));
        Assert.DoesNotContain(line, letter => letter is < ' ' or '\u0085' or '\u202e' or '\u200b' or '\u2028' or '\udb40');
    }

    /// <summary>Every exception of the project, since their base escapes the message. Readers quote metadata, names and other programs' errors.</summary>
    [Fact]
    public void A_message_of_an_exception_is_harmless_and_its_properties_are_the_text_itself()
    {
        IbaException[] all =
        [
            new PatternsException("p\u001b[31m", "its 'x\ny'\u202e", "next\a"), new StatisticsException("p\u001b[31m", "its 'x\ny'\u202e", "next\a"),
            new ImageException("p\u001b[31m", "its 'x\ny'\u202e", "next\a"), new DatasetException("p\u001b[31m", "its 'x\ny'\u202e", "next\a"),
            new FileWriteException("p\u001b[31m", "its 'x\ny'\u202e"),
        ];
        Assert.All(all, one =>
        {
            Assert.Equal(("p\u001b[31m", "its 'x\ny'\u202e"), (one.Subject, one.Reason));
            Assert.Contains("p\\u001B[31m: ", one.Message);
            Assert.DoesNotContain(one.Message, letter => char.IsControl(letter) || letter == '\u202e');
        });
    }

    [Fact]
    public void A_message_about_a_file_has_a_line_for_each_of_its_details_and_no_other()
    {
        var mistake = new FileFormatException("a\nb.pth", "no\ntensors", "Give others", details: ["one\ntwo", "three"]);
        Assert.Equal("a\\u000Ab.pth: no\\u000Atensors\n  one\\u000Atwo\n  three\nGive others", mistake.Message);
    }
}
