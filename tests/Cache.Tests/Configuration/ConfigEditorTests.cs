using System.Text;
using DatasetCache.Configuration;

namespace DatasetCache.Cache.Tests.Configuration;

public sealed class ConfigEditorTests
{
    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text.ReplaceLineEndings("\n"));

    private static string Set(string text, string name, string value) => Encoding.UTF8.GetString(ConfigEditor.Set(Bytes(text), SettingTable.Get(name), value));

    private static string? Unset(string text, string name) => ConfigEditor.Unset(Bytes(text), SettingTable.Get(name)) is { } changed ? Encoding.UTF8.GetString(changed) : null;

    [Theory]
    [InlineData("", "cache.maxSize", "200GB", "{\n  \"cache\": {\n    \"maxSize\": \"200GB\"\n  }\n}\n")]
    [InlineData("{}", "json", "true", "{\n  \"json\": true\n}")]
    [InlineData("{\"cache\": {}}", "cache.maxSize", "1GB", "{\"cache\": {\n    \"maxSize\": \"1GB\"\n  }}")]
    [InlineData("{\"link\": \"copy\"}", "json", "true", "{\n  \"json\": true, \"link\": \"copy\"}")]
    [InlineData("{\n  \"cache\": {\n    \"root\": \"/x\" // here\n  },\n}\n", "cache.maxSize", "1GB", "{\n  \"cache\": {\n    \"maxSize\": \"1GB\",\n    \"root\": \"/x\" // here\n  },\n}\n")]
    [InlineData("{\n  // big\n  \"cache.maxSize\": \"1GB\", /* why */\n  \"link\": \"copy\"\n}", "cache.maxSize", "2GB", "{\n  // big\n  \"cache.maxSize\": \"2GB\", /* why */\n  \"link\": \"copy\"\n}")]
    [InlineData("{\"transfer\": {\"concurrency\": 8}, \"link\": \"copy\"}", "transfer.concurrency", "16", "{\"transfer\": {\"concurrency\": 16}, \"link\": \"copy\"}")]
    [InlineData("{\"include\": [\"*.jpg\", \"}\"]}", "include", "*.png; ä\"b", "{\"include\": [\"*.png\", \"ä\\\"b\"]}")]
    [InlineData("{}", "origin.accessKey", "123456", "{\n  \"origin\": {\n    \"accessKey\": \"123456\"\n  }\n}")]
    public void What_is_set_stands_there_and_all_else_stays_as_it_was(string before, string name, string value, string after) => Assert.Equal(after, Set(before, name, value));

    [Theory]
    [InlineData("{\n  \"json\": true\n}\n", "json", "{\n}\n")]
    [InlineData("{\n  \"json\": true,\n  \"link\": \"copy\"\n}", "json", "{\n  \"link\": \"copy\"\n}")]
    [InlineData("{\n  \"link\": \"copy\", // a, b\n  \"json\": true\n}", "json", "{\n  \"link\": \"copy\" // a, b\n}")]
    [InlineData("{\n  \"link\": \"copy\" /* , */,\n  \"json\": true,\n}", "json", "{\n  \"link\": \"copy\" /* , */,\n}")]
    [InlineData("{\"cache\": {\"root\": \"/x\", \"maxSize\": \"1GB\"}, \"json\": true}", "cache.maxSize", "{\"cache\": {\"root\": \"/x\"}, \"json\": true}")]
    [InlineData("{\"link\": \"copy\" /* , */, \"json\": true}", "json", "{\"link\": \"copy\" /* , */}")]
    [InlineData("{\"json\": true /* x */, \"link\": \"copy\"}", "json", "{ \"link\": \"copy\"}")]
    [InlineData("{\"cache\": {\"root\": \"/x\"}}", "cache.maxSize", null)]
    public void What_is_unset_goes_with_its_comma_and_nothing_else(string before, string name, string? after) => Assert.Equal(after, Unset(before, name));

    [Fact]
    public void What_any_order_of_changes_leaves_is_what_was_set_last()
    {
        var random = new Random(7);
        var settings = SettingTable.All.Where(setting => setting.Choices is ["true", "false"]).ToArray();
        for (var round = 0; round < 200; round++)
        {
            var text = "{ // first\n}";
            var expected = new Dictionary<string, string>(StringComparer.Ordinal);
            for (var step = 0; step < 12; step++)
            {
                var setting = settings[random.Next(settings.Length)];
                if (random.Next(3) > 0)
                    text = Set(text, setting.Name, expected[setting.Name] = random.Next(2) == 0 ? "true" : "false");
                else
                {
                    var changed = Unset(text, setting.Name);
                    Assert.Equal(expected.Remove(setting.Name), changed is not null);
                    text = changed ?? text;
                }
                Assert.Empty(ConfigEditor.Problems("f", Bytes(text)));
                Assert.Contains("// first", text, StringComparison.Ordinal);
            }
            using var folder = new DatasetCache.Testing.TempFolder();
            var loaded = Settings.Load(new Dictionary<string, string>(), name => name is "HOME" ? "/" : null, [folder.Write("f", text)]);
            Assert.Equal(expected.OrderBy(pair => pair.Key), loaded.All.Where(one => one.Source.Origin == SettingOrigin.File).ToDictionary(one => one.Setting.Name, one => one.Value!).OrderBy(pair => pair.Key));
        }
    }
}
